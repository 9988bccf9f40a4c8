#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <string>

#include "model/compute.h"
#include "sae/tensor_codes.h"
#include "train/equal_training.h"

namespace saesweep::train {
namespace {

using sae::Architecture;

constexpr int64_t kSteps = 20;

//! What works on a CUDA device, kernels of our own where they were built, is held against ATen's on the CPU.
class CudaStep : public testing::TestWithParam<Architecture> {
 protected:
  void SetUp() override {
    if (model::n_cuda_devices() == 0) GTEST_SKIP() << "no CUDA device";
    device_ = model::device_from("cuda:0");
  }

  void expect_equal_training(const TrainOptions& options) const {
    test::expect_equal_training(GetParam(), options, kSteps, device_);
  }

  at::Device device_ = at::Device(at::kCPU);
};

INSTANTIATE_TEST_SUITE_P(Cuda, CudaStep, testing::ValuesIn(sae::all_architectures()),
                         [](const auto& instance) { return name_of(instance.param); });

TEST_P(CudaStep, IsThatOfTheCpu) {
  for (const char* optimizer : {"adam", "signum"}) {
    for (const char* state : {"float32", "bfloat16"}) {
      TrainOptions options;
      options.optimizer = optimizer;
      options.optimizer_state = state;
      expect_equal_training(options);
    }
  }
}

TEST_P(CudaStep, IsThatOfTheCpuWithPartsClippingAndDeadLatents) {
  TrainOptions options;
  options.gradient_accumulation = 4;
  options.gradient_clip = 0.02;
  options.auxk_alpha = 0.1;
  options.dead_after_tokens = test::kStepBatch;
  options.multi_topk = GetParam() == Architecture::kTopK;
  expect_equal_training(options);
}

TEST_P(CudaStep, IsThatOfTheCpuInBfloat16) {
  TrainOptions options;
  options.precision = "bfloat16";
  expect_equal_training(options);
}

// Sums of these numbers are exact: the same codes, ties included. Several tiles, and k of a few and of hundreds.
TEST_P(CudaStep, EncodesAsTheCpu) {
  for (const int64_t k : {4, 512}) {
    sae::Sae sae = test::drawn_sae(8, 5120, k, GetParam());
    const at::Tensor x = test::drawn_eighths("x", {70, 8});
    const sae::Codes expected = sae::encode(sae, x);
    const at::Tensor x_hat = sae::decode(sae, expected);
    sae.parameters = sae.parameters.to(device_);
    const sae::Codes codes = sae::encode(sae, x.to(device_));
    EXPECT_TRUE(test::same(codes.to(at::kCPU), expected)) << k;
    EXPECT_TRUE(at::allclose(sae::decode(sae, codes).to(at::kCPU), x_hat, 1e-5, 1e-3)) << k;
  }
}

TEST_P(CudaStep, GivesTheSameBitsAgain) {
  TrainOptions options;
  options.tokens = kSteps * test::kStepBatch;
  options.batch_tokens = test::kStepBatch;
  const sae::SaeOptions sae{.architecture = GetParam(), .expansion_factor = 8, .k = 4};
  SaeTrainer one(test::kStepDIn, sae, options, 1, device_), two(test::kStepDIn, sae, options, 1, device_);
  for (int64_t step = 0; step < kSteps; ++step) {
    const at::Tensor x = test::step_batch(step).to(device_);
    EXPECT_EQ(one.step(x).loss, two.step(x).loss);
  }
  for (size_t i = 0; i < test::tensors_of(one.sae()).size(); ++i) {
    EXPECT_TRUE(at::equal(test::tensors_of(one.sae())[i], test::tensors_of(two.sae())[i]));
  }
}

}  // namespace
}  // namespace saesweep::train
