#include "autointerp/fuzzing.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <map>

#include "autointerp/windows.h"
#include "metrics/ranking.h"

namespace saesweep::autointerp {
namespace {

AutointerpOptions options(const std::string& negatives) {
  AutointerpOptions made;
  made.explainer_examples = 40;
  made.scorer_examples = 50;
  made.fuzz_negatives = negatives;
  return made;
}

const Window& window_of(const LatentExamples& latent, const ScorerExample& example) {
  return (example.is_firing ? latent.firing : latent.silent)[example.place];
}

TEST(Fuzzing, EachRightExampleHasAWrongOneOfTheSameMarks) {
  for (const char* negatives : {"silent_windows", "silent_tokens", "both"}) {
    const AutointerpOptions wanted = options(negatives);
    const LatentExamples latent = choose_examples(test::drawn_latent(5, 300), wanted);
    std::map<Marks, int> balance;
    int n_in_firing = 0, n_wrong = 0;
    for (const ScorerExample& example : fuzzing_examples(latent, wanted)) {
      EXPECT_NE(example.marks, 0u);
      balance[example.marks] += example.truth ? 1 : -1;
      const Window& window = window_of(latent, example);
      if (example.truth) {
        EXPECT_EQ(example.marks, marks_of(window, wanted.mark_threshold));
        continue;
      }
      ++n_wrong;
      n_in_firing += example.is_firing ? 1 : 0;
      for (size_t i = 0; i < window.activations.size(); ++i) {
        if ((example.marks >> i & 1) != 0) {
          EXPECT_EQ(window.activations[i], 0) << "a wrong mark on a token that fires";
        }
      }
    }
    for (const auto& [marks, surplus] : balance) EXPECT_EQ(surplus, 0) << negatives << " " << marks;
    EXPECT_EQ(n_wrong, 50);
    const std::map<std::string, std::pair<int, int>> bounds{
        {"silent_windows", {0, 0}}, {"silent_tokens", {45, 50}}, {"both", {20, 25}}};
    EXPECT_GE(n_in_firing, bounds.at(negatives).first) << negatives;
    EXPECT_LE(n_in_firing, bounds.at(negatives).second) << negatives;
  }
}

//! Logistic regression on the marks alone, by gradient descent.
class PositionClassifier {
 public:
  void learn(const std::vector<ScorerExample>& examples) {
    for (int round = 0; round < 300; ++round) {
      std::array<double, 33> gradient{};
      for (const ScorerExample& example : examples) {
        const double error = (example.truth ? 1 : 0) - 1 / (1 + std::exp(-score(example.marks)));
        for (size_t i = 0; i < 32; ++i) gradient[i] += (example.marks >> i & 1) != 0 ? error : 0;
        gradient[32] += error;
      }
      for (size_t i = 0; i < 33; ++i) weights_[i] += 2 * gradient[i] / static_cast<double>(examples.size());
    }
  }
  double score(Marks marks) const {
    double sum = weights_[32];
    for (size_t i = 0; i < 32; ++i) sum += (marks >> i & 1) != 0 ? weights_[i] : 0;
    return sum;
  }

 private:
  std::array<double, 33> weights_{};
};

TEST(Fuzzing, PositionsOfMarksTellNothing) {
  const AutointerpOptions wanted = options("both");
  std::vector<ScorerExample> learnt, tested;
  for (int64_t latent = 0; latent < 60; ++latent) {
    const auto examples = fuzzing_examples(choose_examples(test::drawn_latent(latent, 300), wanted), wanted);
    auto& side = latent % 2 == 0 ? learnt : tested;
    side.insert(side.end(), examples.begin(), examples.end());
  }
  PositionClassifier classifier;
  classifier.learn(learnt);
  std::vector<double> scores;
  std::vector<uint8_t> truths;
  for (const ScorerExample& example : tested) {
    scores.push_back(classifier.score(example.marks));
    truths.push_back(example.truth ? 1 : 0);
  }
  EXPECT_NEAR(metrics::auroc(scores, truths), 0.5, 0.02);
}

TEST(Fuzzing, TheClassifierFindsPositionsThatDoTell) {
  // The twin of the test above, with wrong marks at one place always, as another pipeline has them.
  const AutointerpOptions wanted = options("both");
  std::vector<ScorerExample> examples = fuzzing_examples(choose_examples(test::drawn_latent(1, 300), wanted), wanted);
  for (ScorerExample& example : examples) {
    if (!example.truth) example.marks = Marks{1} << 24;
  }
  PositionClassifier classifier;
  classifier.learn(examples);
  std::vector<double> scores;
  std::vector<uint8_t> truths;
  for (const ScorerExample& example : examples) {
    scores.push_back(classifier.score(example.marks));
    truths.push_back(example.truth ? 1 : 0);
  }
  EXPECT_GT(metrics::auroc(scores, truths), 0.9);
}

TEST(Fuzzing, ALatentThatFiresEverywhereFallsBackOnSilentWindows) {
  evaluate::LatentWindows latent = test::drawn_latent(6, 100);
  for (Window& window : latent.firing) window.activations.assign(32, 1.0F);
  const AutointerpOptions wanted = options("silent_tokens");
  for (const ScorerExample& example : fuzzing_examples(choose_examples(latent, wanted), wanted)) {
    EXPECT_EQ(example.is_firing, example.truth);
  }
}

}  // namespace
}  // namespace saesweep::autointerp
