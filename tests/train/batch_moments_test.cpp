#include "train/batch_moments.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <vector>

#include "sae/drawn.h"
#include "sae/threads.h"

namespace saesweep::train {
namespace {

at::Tensor wide(const std::vector<double>& values) {
  return at::tensor(values, at::kDouble);
}

TEST(Moments, AreThoseOfFloat64) {
  for (const int64_t n_tokens : {1, 64, 150, 1000}) {
    const at::Tensor x = test::drawn("x", {n_tokens, 37}) + 1000;  // far from 0: squares without a shift would not do
    const at::Tensor exact = x.to(at::kDouble);
    const BatchMoments moments = moments_of(x);
    EXPECT_TRUE(at::allclose(wide(moments.mean), exact.mean(0), 1e-13, 0));
    const double variance = (exact - exact.mean(0)).pow(2).sum().item<double>();
    EXPECT_NEAR(moments.total_variance, variance, 1e-10 * variance);
  }
}

TEST(Moments, HaveNoVarianceWhereAllTokensAreEqual) {
  EXPECT_EQ(moments_of(at::full({130, 7}, 0.1F)).total_variance, 0);
}

double summed_distance(const at::Tensor& x, const at::Tensor& point) {
  return (x.to(at::kDouble) - point).norm(2, 1).sum().item<double>();
}

// The summed distance is convex: where its gradient, the sum of unit vectors to all rows, is small, the minimum is
// near.
TEST(GeometricMedian, HasTheLeastSummedDistance) {
  at::Tensor x = test::drawn("x", {500, 10});
  x.narrow(0, 0, 50).add_(300);  // outliers, which draw the mean away by 30
  const at::Tensor found = wide(geometric_median(x));
  const at::Tensor away = x.to(at::kDouble) - found;
  const at::Tensor gradient = (away / away.norm(2, 1, /*keepdim=*/true)).sum(0);
  EXPECT_LT(gradient.norm().item<double>(), 1e-4 * 500);
  const double least = summed_distance(x, found);
  for (int64_t i = 0; i < 200; ++i) {
    const at::Tensor step = test::drawn("step " + std::to_string(i), {10}).to(at::kDouble);
    EXPECT_GT(summed_distance(x, found + 0.01 * step), least);
  }
  EXPECT_LT(found.abs().max().item<double>(), 1);
}

TEST(GeometricMedian, OfATriangleIsItsFermatPoint) {
  // Sides seen at 120 degrees from the origin, at other distances each.
  const at::Tensor x = at::tensor({2.0F, 0.0F, -0.5F, 0.8660254F, -1.5F, -2.5980762F}).reshape({3, 2});
  EXPECT_LT(wide(geometric_median(x)).norm().item<double>(), 1e-4);
}

TEST(GeometricMedian, OfEqualRowsIsThatRow) {
  EXPECT_TRUE(at::allclose(wide(geometric_median(at::full({70, 3}, 0.5F))), at::full({3}, 0.5, at::kDouble)));
}

TEST(GeometricMedian, MayLieOnARow) {
  // Half of the rows are the same one: the others cannot draw it away.
  at::Tensor x = test::drawn("x", {200, 5});
  x.narrow(0, 0, 110).fill_(0.25);
  EXPECT_LT((wide(geometric_median(x)) - 0.25).norm().item<double>(), 1e-3);
}

TEST(Moments, BitsDoNotDependOnTheThreads) {
  const at::Tensor x = test::drawn("x", {1000, 20});
  const auto run_on = [&](int n_threads) {
    const test::Threads threads(n_threads);
    return std::tuple(moments_of(x).mean, moments_of(x).total_variance, geometric_median(x));
  };
  EXPECT_EQ(run_on(2), run_on(1));
  EXPECT_EQ(run_on(3), run_on(1));
}

}  // namespace
}  // namespace saesweep::train
