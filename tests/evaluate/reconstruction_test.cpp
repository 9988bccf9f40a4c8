#include "evaluate/reconstruction.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "sae/drawn.h"

namespace saesweep::evaluate {
namespace {

constexpr int64_t kRows = 12;
constexpr int64_t kContext = 8;
constexpr int64_t kDIn = 20;

//! [kRows, kContext, kDIn]: far from 0, with a massive first position as trained models have it.
at::Tensor activations() {
  at::Tensor x = test::drawn("x", {kRows, kContext, kDIn}) + 5;
  x.select(1, 0).mul_(300);
  return x;
}

at::Tensor reconstructed(const at::Tensor& x) {
  return x + 0.3 * test::drawn("error", x.sizes());
}

//! docs/results.md's formulas, directly, on all tokens at once. x, x_hat: [tokens, kDIn].
Reconstruction direct(const at::Tensor& x, const at::Tensor& x_hat) {
  const at::Tensor a = x.to(at::kDouble).reshape({-1, kDIn});
  const at::Tensor b = x_hat.to(at::kDouble).reshape({-1, kDIn});
  const double error = (a - b).pow(2).sum().item<double>();
  const double variance = (a - a.mean(0)).pow(2).sum().item<double>();
  return {1 - error / variance, at::cosine_similarity(a, b, 1).mean().item<double>(),
          error / static_cast<double>(a.numel())};
}

void expect_near(const Reconstruction& found, const Reconstruction& expected) {
  EXPECT_NEAR(found.explained_variance, expected.explained_variance, 1e-10);
  EXPECT_NEAR(found.cosine_similarity, expected.cosine_similarity, 1e-10);
  EXPECT_NEAR(found.mse, expected.mse, 1e-10 * expected.mse);
}

//! Adds rows first .. first + n - 1.
void add(ReconstructionSums& sums, const at::Tensor& x, const at::Tensor& x_hat, int64_t first, int64_t n) {
  const auto flat = [&](const at::Tensor& tensor) {
    return tensor.narrow(0, first, n).reshape({-1, kDIn}).contiguous();
  };
  sums.add(flat(x), flat(x_hat), kContext);
}

TEST(ReconstructionSums, AgreeWithTheFormulasOnAllTokens) {
  const at::Tensor x = activations();
  const at::Tensor x_hat = reconstructed(x);
  ReconstructionSums sums;
  for (const auto& [first, n] : std::vector<std::pair<int64_t, int64_t>>{{0, 5}, {5, 1}, {6, 6}}) {
    add(sums, x, x_hat, first, n);
  }
  EXPECT_EQ(sums.n_tokens(), kRows * kContext);
  expect_near(sums.all(), direct(x, x_hat));
}

TEST(ReconstructionSums, AgreeWithTheFormulasWithoutTheFirstPosition) {
  const at::Tensor x = activations();
  const at::Tensor x_hat = reconstructed(x);
  ReconstructionSums sums;
  add(sums, x, x_hat, 0, 4);
  add(sums, x, x_hat, 4, 8);
  const auto rest = [](const at::Tensor& tensor) { return tensor.narrow(1, 1, kContext - 1); };
  expect_near(sums.without_first(), direct(rest(x), rest(x_hat)));
  EXPECT_GT(sums.all().explained_variance, sums.without_first().explained_variance + 0.01);
}

TEST(ReconstructionSums, HoldFarFromZero) {
  // A mean 10,000 deviations off: squares without a shift would keep half of the digits.
  const at::Tensor x = test::drawn("x", {kRows, kContext, kDIn}) + 10000;
  const at::Tensor x_hat = reconstructed(x);
  ReconstructionSums sums;
  add(sums, x, x_hat, 0, 6);
  add(sums, x, x_hat, 6, 6);
  expect_near(sums.all(), direct(x, x_hat));
}

TEST(ReconstructionSums, PerfectMeanAndOppositeByHand) {
  const at::Tensor x = activations();
  ReconstructionSums perfect, mean, opposite;
  add(perfect, x, x, 0, kRows);
  EXPECT_EQ(perfect.all().explained_variance, 1.0);
  EXPECT_NEAR(perfect.all().cosine_similarity, 1.0, 1e-12);
  EXPECT_EQ(perfect.all().mse, 0.0);
  const at::Tensor rest = x.narrow(1, 1, kContext - 1);
  add(mean, x, rest.mean(at::IntArrayRef{0, 1}).expand_as(x), 0, kRows);
  EXPECT_NEAR(mean.without_first().explained_variance, 0.0, 1e-6);
  add(opposite, x, -x, 0, kRows);
  EXPECT_NEAR(opposite.all().cosine_similarity, -1.0, 1e-12);
}

TEST(ReconstructionSums, MissingWithoutTokens) {
  const ReconstructionSums none;
  EXPECT_TRUE(std::isnan(none.all().explained_variance));
  EXPECT_TRUE(std::isnan(none.without_first().cosine_similarity));
  EXPECT_TRUE(std::isnan(none.all().mse));
}

}  // namespace
}  // namespace saesweep::evaluate
