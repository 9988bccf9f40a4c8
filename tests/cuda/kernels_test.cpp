#include <ATen/ATen.h>
#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include "sae/cuda/top_k.h"
#include "sae/tensor_candidates.h"
#include "train/cuda_backend.h"
#include "train/equal_training.h"

// What the kernels compute, on fibers of the CPU: what tests/train/cuda_step_test.cpp holds where a device is.

namespace saesweep {
namespace {

using emulated::Order;
using sae::Architecture;
using train::TrainOptions;

constexpr Order kOrders[] = {Order::kRising, Order::kFalling, Order::kShuffled};

class CudaKernels : public testing::TestWithParam<Architecture> {
 protected:
  void expect_equal_training(const TrainOptions& options) const {
    constexpr int64_t kSteps = 3;
    test::expect_equal_training(GetParam(), options, kSteps, at::kCPU, &train::cuda::backend());
  }
};

INSTANTIATE_TEST_SUITE_P(Emulated, CudaKernels, testing::ValuesIn(sae::all_architectures()),
                         [](const auto& instance) { return name_of(instance.param); });

TEST_P(CudaKernels, TrainAsAtenDoes) {
  for (const char* optimizer : {"adam", "signum"}) {
    for (const char* state : {"float32", "bfloat16"}) {
      TrainOptions options;
      options.optimizer = optimizer;
      options.optimizer_state = state;
      expect_equal_training(options);
    }
  }
}

TEST_P(CudaKernels, TrainAsAtenDoesWithPartsClippingAndDeadLatentsInAnyOrderOfThreads) {
  TrainOptions options;
  options.gradient_accumulation = 4;
  options.gradient_clip = 0.02;
  options.auxk_alpha = 0.1;
  options.dead_after_tokens = test::kStepBatch;
  options.multi_topk = GetParam() == Architecture::kTopK;
  for (const Order order : {Order::kFalling, Order::kShuffled}) {
    const emulated::Ordered ordered(order);
    expect_equal_training(options);
  }
}

// Values of few bits, so that many are equal: ties, too, are those of ATen's keys.
TEST(CudaTopK, KeepsTheLargestKeysOfAllTilesInAnyOrderOfThreads) {
  constexpr int64_t kTokens = 3, kTile = 700;
  for (const Order order : kOrders) {
    const emulated::Ordered ordered(order);
    for (const int64_t k : {1, 32, 300, 1000}) {
      const at::Tensor pre = test::drawn_eighths("pre", {kTokens, 2 * kTile});
      const at::Tensor marks = test::drawn("marks", {2 * kTile}) > -0.5;
      at::Tensor best = at::zeros({kTokens, k}, at::kLong);
      at::Tensor expected = sae::tensors::keys_of(pre, 0).mul_(marks);
      for (int64_t first = 0; first < 2 * kTile; first += kTile) {
        const at::Tensor tile = pre.narrow(1, first, kTile).contiguous();
        const at::Tensor bytes = marks.narrow(0, first, kTile).to(at::kByte);
        EXPECT_EQ(sae::cuda::merge_top_k(0, tile.const_data_ptr<float>(), bytes.const_data_ptr<uint8_t>(), kTokens,
                                         kTile, first, k, best.mutable_data_ptr<int64_t>()),
                  nullptr);
      }
      EXPECT_TRUE(at::equal(best, std::get<0>(expected.topk(k, 1)))) << k;
    }
  }
}

TEST(CudaTopK, WithoutMarksTakesAll) {
  const at::Tensor pre = test::drawn("pre", {2, 100});
  at::Tensor best = at::zeros({2, 60}, at::kLong);
  EXPECT_EQ(
      sae::cuda::merge_top_k(0, pre.const_data_ptr<float>(), nullptr, 2, 100, 0, 60, best.mutable_data_ptr<int64_t>()),
      nullptr);
  EXPECT_TRUE(at::equal(best, std::get<0>(sae::tensors::keys_of(pre, 0).topk(60, 1))));
}

}  // namespace
}  // namespace saesweep
