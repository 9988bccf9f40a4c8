#include "evaluate/next_token_loss.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "model/small_model.h"
#include "sae/drawn.h"

namespace saesweep::evaluate {
namespace {

constexpr int64_t kRows = 5;
constexpr int64_t kContext = 12;
constexpr int64_t kVocabulary = 32;
// Sums of 55 predictions in float32, about 1e-7 of their size each.
constexpr double kTolerance = 1e-5;

at::Tensor logits(const std::string& name) {
  return 3 * test::drawn(name, {kRows, kContext, kVocabulary});
}

//! Logits that predict, and what they are to predict, flat.
at::Tensor predicting(const at::Tensor& all) {
  return all.slice(1, 0, kContext - 1).reshape({-1, kVocabulary}).to(at::kDouble);
}
at::Tensor targets(const at::Tensor& ids) {
  return ids.slice(1, 1, kContext).reshape({-1});
}

double cross_entropy(const at::Tensor& all, const at::Tensor& ids) {
  return at::cross_entropy_loss(predicting(all), targets(ids), {}, at::Reduction::Sum).item<double>();
}

TEST(CleanPredictions, CrossEntropyIsTorchs) {
  const at::Tensor ids = test::small_ids(kRows, kContext);
  const LossSums sums = CleanPredictions(logits("clean"), ids).clean();
  EXPECT_EQ(sums.n_tokens, kRows * (kContext - 1));
  EXPECT_NEAR(sums.cross_entropy, cross_entropy(logits("clean"), ids), kTolerance * sums.cross_entropy);
  EXPECT_EQ(sums.kl, 0.0);
}

TEST(CleanPredictions, OfUniformLogitsIsTheLogarithmOfTheVocabulary) {
  const at::Tensor ids = test::small_ids(kRows, kContext);
  const LossSums sums = CleanPredictions(at::zeros({kRows, kContext, kVocabulary}), ids).clean();
  EXPECT_NEAR(sums.cross_entropy / static_cast<double>(sums.n_tokens), std::log(32.0), 1e-6);
}

TEST(CleanPredictions, ChangedLossesAreTorchsCrossEntropyAndADirectDivergence) {
  const at::Tensor ids = test::small_ids(kRows, kContext);
  const LossSums sums = CleanPredictions(logits("clean"), ids).changed(logits("changed"));
  EXPECT_EQ(sums.n_tokens, kRows * (kContext - 1));
  EXPECT_NEAR(sums.cross_entropy, cross_entropy(logits("changed"), ids), kTolerance * sums.cross_entropy);
  const at::Tensor p = predicting(logits("clean")).softmax(-1);
  const at::Tensor q = predicting(logits("changed")).softmax(-1);
  const double kl = (p * (p / q).log()).sum().item<double>();
  EXPECT_NEAR(sums.kl, kl, kTolerance * kl);
}

TEST(CleanPredictions, TheSameLogitsCostNothing) {
  const at::Tensor ids = test::small_ids(kRows, kContext);
  const CleanPredictions clean(logits("clean"), ids);
  const LossSums sums = clean.changed(logits("clean"));
  EXPECT_EQ(sums.cross_entropy, clean.clean().cross_entropy);
  EXPECT_EQ(sums.kl, 0.0);
}

TEST(CleanPredictions, LastPositionsLogitsDoNotMatter) {
  const at::Tensor ids = test::small_ids(kRows, kContext);
  at::Tensor other = logits("clean");
  other.select(1, kContext - 1).fill_(50);
  EXPECT_EQ(CleanPredictions(other, ids).clean().cross_entropy,
            CleanPredictions(logits("clean"), ids).clean().cross_entropy);
}

TEST(LossSums, Add) {
  LossSums sums{2, 3.0, 0.5};
  sums += {4, 1.0, 0.25};
  EXPECT_EQ(sums.n_tokens, 6);
  EXPECT_EQ(sums.cross_entropy, 4.0);
  EXPECT_EQ(sums.kl, 0.75);
}

}  // namespace
}  // namespace saesweep::evaluate
