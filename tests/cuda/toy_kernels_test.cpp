#include <ATen/ATen.h>
#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <limits>

#include "toy/batch_training.h"
#include "toy/cuda_batch_math.h"

namespace saesweep::toy {
namespace {

using emulated::Order;

double distance(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

//! Four SAEs of 200 latents, so that the last block of a row is not full, on samples whose last step is not full.
struct Trained {
  std::vector<Parameters> parameters;
  std::vector<TrainingReport> reports;

  explicit Trained(const BatchMath& math) {
    const DataOptions options{.features = 32, .d_in = 16, .active_features = 2, .samples = 400};
    const Dataset data = make_dataset(options, nullptr, {"superposed", false, 1});
    std::vector<BatchMember> members;
    for (int64_t seed = 0; seed < 4; ++seed) parameters.push_back(initial_parameters(16, 200, seed));
    for (int64_t i = 0; i < 4; ++i) {
      members.push_back(
          {&data.train, {{.epochs = 1}, i % 2 == 0 ? 1e-3 : 0.1, i}, &parameters[static_cast<size_t>(i)]});
    }
    reports = train_batch(
        members, [] { return false; }, &math);
  }
};

TEST(ToyKernels, TrainAsAtenDoes) {
  const Trained found(cuda::batch_math()), expected(tensor_math());
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(found.reports[i].loss, expected.reports[i].loss, 1e-5 * expected.reports[i].loss);
    EXPECT_LT(distance(found.parameters[i].W_enc, expected.parameters[i].W_enc), 1e-4);
    EXPECT_LT(distance(found.parameters[i].b_enc, expected.parameters[i].b_enc), 1e-4);
    EXPECT_LT(distance(found.parameters[i].W_dec, expected.parameters[i].W_dec), 1e-4);
  }
}

TEST(ToyKernels, GiveTheSameBitsInAnyOrderOfThreads) {
  const Trained expected(cuda::batch_math());
  for (const Order order : {Order::kFalling, Order::kShuffled}) {
    const emulated::Ordered ordered(order);
    const Trained found(cuda::batch_math());
    for (size_t i = 0; i < 4; ++i) {
      EXPECT_EQ(found.reports[i].loss, expected.reports[i].loss);
      EXPECT_TRUE(at::equal(found.parameters[i].W_enc, expected.parameters[i].W_enc));
      EXPECT_TRUE(at::equal(found.parameters[i].W_dec, expected.parameters[i].W_dec));
    }
  }
}

TEST(ToyKernels, ACodeThatIsNoNumberStaysSo) {
  for (const BatchMath* math : {&cuda::batch_math(), &tensor_math()}) {
    at::Tensor codes = at::full({1, 2, 3}, std::numeric_limits<float>::quiet_NaN());
    EXPECT_TRUE(math->rectify(at::zeros({1, 3}), codes).isnan().all().item<bool>());
    EXPECT_TRUE(codes.isnan().all().item<bool>());
  }
}

}  // namespace
}  // namespace saesweep::toy
