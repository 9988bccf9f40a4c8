#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <map>
#include <set>

#include "judge/lexical_reply.h"
#include "judge/planted_latents.h"
#include "metrics/calibration.h"
#include "metrics/ranking.h"
#include "support/prompt_file.h"

namespace saesweep::judge {
namespace {

using test::PlantedLatent;
using Window = test::TokenizedText::Window;

struct Answer {
  double probability;
  bool truth;
};
using Answers = std::vector<Answer>;

double auroc(const Answers& answers) {
  std::vector<double> probabilities;
  std::vector<uint8_t> truths;
  for (const Answer& answer : answers) {
    probabilities.push_back(answer.probability);
    truths.push_back(answer.truth ? 1 : 0);
  }
  return metrics::auroc(probabilities, truths);
}

double calibration_error(const Answers& answers) {
  std::vector<double> probabilities;
  std::vector<uint8_t> truths;
  for (const Answer& answer : answers) {
    probabilities.push_back(answer.probability);
    truths.push_back(answer.truth ? 1 : 0);
  }
  return metrics::expected_calibration_error(probabilities, truths, 10);
}

class PlantedLatents : public testing::Test {
 protected:
  static void SetUpTestSuite() { text_ = std::make_unique<test::TokenizedText>(); }
  static void TearDownTestSuite() { text_.reset(); }

  static std::unique_ptr<test::TokenizedText> text_;
};
std::unique_ptr<test::TokenizedText> PlantedLatents::text_;

double probability_of_one(const ReplyToken& token) {
  for (const auto& candidate : token.candidates) {
    if (candidate.text == "1") return std::exp(candidate.logprob);
  }
  ADD_FAILURE();
  return NAN;
}

//! What was said of latents of a kind, and how many they were.
struct Totals {
  Answers fuzzing;
  Answers detection;
  int n_latents = 0;
};

class Judging {
 public:
  Judging(size_t n_explainer, size_t n_scorer) : n_explainer_(n_explainer), n_scorer_(n_scorer) {}

  bool judge(const test::TokenizedText& text, const PlantedLatent& latent, uint64_t seed, Totals& totals) const {
    test::ExampleDrawer drawer(text, latent, seed);
    if (!drawer.is_enough(n_explainer_, n_scorer_)) return false;
    const auto examples = drawer.draw(n_explainer_, n_scorer_);
    const auto request = explanation_.explaining(examples.explainer);
    const auto explanation = explanation_.answer(lexical_reply(request).text);
    EXPECT_LE(explanation.size(), 700u) << explanation;
    ++totals.n_latents;
    score(fuzzing_, explanation, examples.fuzzing, examples.is_right, totals.fuzzing);
    score(detection_, explanation, examples.detection, examples.is_firing, totals.detection);
    return true;
  }

 private:
  void score(const test::PromptFile& file, const std::string& explanation, const std::vector<std::string>& lines,
             const std::vector<bool>& truths, Answers& answers) const {
    for (size_t first = 0; first < lines.size(); first += 5) {
      const auto last = std::min(first + 5, lines.size());
      const auto request = file.scoring(
          explanation, {lines.begin() + static_cast<ptrdiff_t>(first), lines.begin() + static_cast<ptrdiff_t>(last)});
      const Reply reply = lexical_reply(request);
      ASSERT_EQ(reply.tokens.size(), 2 * (last - first) + 1) << reply.text;
      for (size_t i = first; i < last; ++i) {
        answers.push_back({probability_of_one(reply.tokens[2 * (i - first) + 1]), truths[i]});
      }
    }
  }

  test::PromptFile explanation_{"explanation"};
  test::PromptFile fuzzing_{"fuzzing"};
  test::PromptFile detection_{"detection"};
  size_t n_explainer_;
  size_t n_scorer_;
};

//! A number that depends on all three (splitmix64).
uint64_t draw(uint64_t a, uint64_t b, uint64_t c) {
  uint64_t mixed = a * 0x9e3779b97f4a7c15 + b * 0xbf58476d1ce4e5b9 + c;
  for (int i = 0; i < 3; ++i) {
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed ^= mixed >> 27;
  }
  return mixed;
}

std::vector<std::string> frequent_tokens(const test::TokenizedText& text, int least, int most) {
  std::map<std::string, int> n;
  for (const auto& window : text.windows()) {
    for (const auto& token : std::set<std::string>(window.begin(), window.end())) ++n[token];
  }
  std::vector<std::string> out;
  for (const auto& [token, count] : n) {
    if (count >= least && count <= most) out.push_back(token);
  }
  return out;
}

bool ends_with(const std::string& token, const std::string& ending) {
  return token.size() > ending.size() + 1 && token.ends_with(ending);
}

template <class Test>
bool all_letters(const std::string& token, Test test) {
  const size_t first = token[0] == ' ' ? 1 : 0;
  return token.size() > first + 1 && std::all_of(token.begin() + static_cast<ptrdiff_t>(first), token.end(), test);
}

PlantedLatent set_of(std::set<std::string> words) {
  return [words](const Window& w, size_t, size_t i) { return words.contains(w[i]); };
}

std::vector<PlantedLatent> classes() {
  std::vector<PlantedLatent> out;
  for (const std::string ending : {"ing", "ed", "ly", "tion", "er", "es", "ment", "able", "al", "ive", "ous", "ity",
                                   "en", "le", "ion", "nt", "th", "st"}) {
    out.emplace_back([ending](const Window& w, size_t, size_t i) { return ends_with(w[i], ending); });
  }
  for (const std::string set :
       {"0123456789", "()", "()[]{}", ".!?", ",;:", "\"'", "\n", "\n\t", "$@%", "<>", "=+-*/"}) {
    out.emplace_back([set](const Window& w, size_t, size_t i) { return set.find(w[i].back()) != std::string::npos; });
  }
  out.emplace_back(
      [](const Window& w, size_t, size_t i) { return all_letters(w[i], [](char c) { return c >= 'A' && c <= 'Z'; }); });
  out.emplace_back([](const Window& w, size_t, size_t i) {
    const size_t first = w[i][0] == ' ' ? 1 : 0;
    return w[i].size() > first + 1 && w[i][first] >= 'A' && w[i][first] <= 'Z' && w[i][first + 1] >= 'a';
  });
  out.emplace_back([](const Window& w, size_t, size_t i) { return w[i].size() >= 9 && w[i][1] >= 'a'; });
  out.emplace_back(set_of({" he", " she", " it", " they", " we", " you", " I"}));
  out.emplace_back(set_of({" in", " on", " at", " by", " with", " from", " to", " of"}));
  out.emplace_back(set_of({" can", " will", " may", " must", " should", " would", " could", " might"}));
  out.emplace_back(set_of({" who", " what", " which", " where", " when", " how", " why"}));
  out.emplace_back(set_of({" is", " are", " was", " be", " been", " were", " has", " have"}));
  out.emplace_back(set_of({" one", " two", " three", " four", " first", " second", " third"}));
  out.emplace_back(set_of({" if", " while", " for", " foreach", " unless", " until"}));
  return out;
}

constexpr int kLatents = 40;
const Judging kJudging(40, 50);

Totals of_one_token(const test::TokenizedText& text) {
  const auto tokens = frequent_tokens(text, 200, 3000);
  Totals totals;
  for (uint64_t l = 0; totals.n_latents < kLatents; ++l) {
    kJudging.judge(text, set_of({tokens[draw(1, l, 0) % tokens.size()]}), l, totals);
  }
  return totals;
}

Totals of_a_class(const test::TokenizedText& text) {
  Totals totals;
  uint64_t l = 0;
  for (const auto& latent : classes()) kJudging.judge(text, latent, l++, totals);
  return totals;
}

//! Of pairs of tokens whose second one stands as often elsewhere.
Totals of_one_after_another(const test::TokenizedText& text) {
  std::map<std::pair<std::string, std::string>, int> pairs;
  std::map<std::string, int> n;
  for (const auto& window : text.windows()) {
    for (size_t i = 1; i < window.size(); ++i) ++pairs[{window[i - 1], window[i]}], ++n[window[i]];
  }
  Totals totals;
  uint64_t p = 0;
  for (const auto& [pair, count] : pairs) {
    if (count < 160 || n[pair.second] < 2 * count || draw(2, p++, 0) % 4 != 0 || totals.n_latents == kLatents) continue;
    const auto latent = [pair = pair](const Window& w, size_t, size_t i) {
      return i > 0 && w[i - 1] == pair.first && w[i] == pair.second;
    };
    kJudging.judge(text, latent, p, totals);
  }
  return totals;
}

Totals of_chance(const test::TokenizedText& text) {
  Totals totals;
  for (uint64_t l = 0; totals.n_latents < kLatents; ++l) {
    kJudging.judge(
        text, [l](const Window&, size_t w, size_t i) { return draw(l, w, i) % 1000 < 25; }, l, totals);
  }
  return totals;
}

//! Of 3 to 10 tokens, with false marks in the windows that hold them: a tenth to three tenths of all marks.
Totals of_a_mixture(const test::TokenizedText& text) {
  const auto rarer = frequent_tokens(text, 40, 1000);
  Totals totals;
  for (uint64_t l = 0; totals.n_latents < kLatents; ++l) {
    std::set<std::string> some;
    const size_t n_tokens = 3 + draw(3, l, 0) % 8;
    for (uint64_t i = 1; some.size() < n_tokens; ++i) some.insert(rarer[draw(3, l, i) % rarer.size()]);
    const double share = 0.1 + 0.2 * static_cast<double>(draw(3, l, 0) % 100) / 100;
    const auto latent = [&](const Window& w, size_t at, size_t i) {
      if (some.contains(w[i])) return true;
      const auto n_true =
          std::count_if(w.begin(), w.end(), [&](const std::string& token) { return some.contains(token); });
      const double rate = static_cast<double>(n_true) * share / (1 - share) / 32;
      return static_cast<double>(draw(l, at, i) % 100000) < rate * 100000;
    };
    kJudging.judge(text, latent, l, totals);
  }
  return totals;
}

TEST_F(PlantedLatents, AreExplainedAndToldFromOthers) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "takes minutes under sanitizers; tests/judge/lexical_reply_test.cpp reads the same code";
#endif
  if (text_->windows().size() < 10'000) GTEST_SKIP() << "needs Debian's perl-doc";
  Answers all;
  const auto judged = [&](const char* name, const Totals& totals) {
    all.insert(all.end(), totals.fuzzing.begin(), totals.fuzzing.end());
    all.insert(all.end(), totals.detection.begin(), totals.detection.end());
    const double fuzzing = auroc(totals.fuzzing);
    std::cout << name << ": " << totals.n_latents << " latents, fuzzing " << fuzzing << ", detection "
              << auroc(totals.detection) << "\n";
    return fuzzing;
  };
  EXPECT_GT(judged("one token", of_one_token(*text_)), 0.95);
  EXPECT_GT(judged("a class of tokens", of_a_class(*text_)), 0.9);
  EXPECT_GT(judged("a token after another", of_one_after_another(*text_)), 0.8);
  EXPECT_NEAR(judged("at random", of_chance(*text_)), 0.5, 0.05);
  const double error = calibration_error(all);
  std::cout << "expected calibration error " << error << " over " << all.size() << " answers\n";
  EXPECT_LE(error, 0.1);
  EXPECT_GT(judged("a mixture with false marks", of_a_mixture(*text_)), 0.85);
}

}  // namespace
}  // namespace saesweep::judge
