#include "sae/above_threshold.h"

#include <gtest/gtest.h>

#include <limits>

#include "sae/dense_codes.h"
#include "sae/strips.h"

namespace saesweep::sae {
namespace {

const std::vector<std::pair<int64_t, int64_t>> kShapes = {{1, 1}, {3, 15}, {10, 32}, {9, 33}, {40, 500}};

void expect_kept(const at::Tensor& products, const at::Tensor& bias, const at::Tensor& thresholds) {
  const at::Tensor sums = products + bias;
  const float* values = thresholds.const_data_ptr<float>();
  const Codes found = test::codes_of_strips(
      AboveThreshold(products.size(0), std::vector<float>(values, values + thresholds.numel())), products, bias);
  EXPECT_TRUE(test::same(found, test::codes_of(sums, sums.gt(thresholds)))) << products.sizes();
}

TEST(AboveThreshold, KeepsAllSumsAboveTheOneThreshold) {
  for (const auto& [n_tokens, n_latents] : kShapes) {
    // Eighths: many sums are the threshold itself, which is not kept.
    const at::Tensor products = test::drawn_eighths("products", {n_tokens, n_latents});
    const at::Tensor bias = test::drawn_eighths("bias", {n_latents});
    for (const float threshold : {-100.0F, -0.125F, 0.0F, 1.5F, 100.0F}) {
      expect_kept(products, bias, at::full({1}, threshold));
    }
  }
}

TEST(AboveThreshold, KeepsSumsAboveThresholdsOfTheirOwn) {
  for (const auto& [n_tokens, n_latents] : kShapes) {
    expect_kept(test::drawn_eighths("products", {n_tokens, n_latents}), test::drawn_eighths("bias", {n_latents}),
                test::drawn_eighths("thresholds", {n_latents}));
  }
}

TEST(AboveThreshold, NeverKeepsNaN) {
  at::Tensor products = test::drawn("products", {20, 70});
  products.masked_fill_(test::drawn("NaN", products.sizes()).gt(0), std::numeric_limits<float>::quiet_NaN());
  expect_kept(products, at::zeros({70}), at::full({1}, -10.0F));
  expect_kept(products, at::zeros({70}), test::drawn("thresholds", {70}));
}

}  // namespace
}  // namespace saesweep::sae
