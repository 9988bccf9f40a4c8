#include "toy/start.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace saesweep::toy {
namespace {

double distance_from_identity(const at::Tensor& product) {
  return (product - at::eye(product.size(0))).abs().max().item<double>();
}

TEST(OrthogonalStart, HasOrthonormalRowsOrColumns) {
  const Stream stream{"a test"};
  const at::Tensor wide = orthogonal_start(stream, 24, 96);
  EXPECT_LT(distance_from_identity(at::mm(wide, wide.t())), 1e-6);
  const at::Tensor tall = orthogonal_start(stream, 96, 24);
  EXPECT_LT(distance_from_identity(at::mm(tall.t(), tall)), 1e-6);
}

TEST(InitialParameters, HaveUnitDecodersAndALinearLayersEncoder) {
  const Parameters start = initial_parameters(24, 96, 5);
  EXPECT_NEAR((start.W_dec.norm(2, {1}) - 1).abs().max().item<double>(), 0, 1e-6);
  EXPECT_LT(start.W_enc.abs().max().item<double>(), 1 / std::sqrt(24.0));
  EXPECT_GT(start.W_enc.abs().max().item<double>(), 0.98 / std::sqrt(24.0));
  EXPECT_LT(start.b_enc.abs().max().item<double>(), 1 / std::sqrt(24.0));
}

}  // namespace
}  // namespace saesweep::toy
