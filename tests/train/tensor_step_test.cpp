#include "train/tensor_step.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "sae/drawn.h"
#include "train/dense_sae.h"
#include "train/sae_trainer.h"

namespace saesweep::train {
namespace {

using sae::Architecture;

constexpr int64_t kDIn = 16;
constexpr int64_t kBatch = 128;
//! Of test::tensors_of.
constexpr size_t kThreshold = 4;
constexpr int64_t kSteps = 20;

at::Tensor batch(int64_t step) {
  return test::drawn("batch " + std::to_string(step), {kBatch, kDIn}) * 2 + 3;
}

TrainOptions options_of(const std::string& optimizer = "adam") {
  TrainOptions options;
  options.tokens = kSteps * kBatch;
  options.batch_tokens = kBatch;
  options.learning_rate = 2e-3;
  options.warmup_steps = 5;
  options.optimizer = optimizer;
  return options;
}

sae::SaeOptions sae_of(Architecture architecture) {
  return {.architecture = architecture,
          .expansion_factor = 8,
          .k = 4,
          .penalty = takes_k(architecture) ? 0 : 0.01,
          .matryoshka_fractions = {0.25, 0.5, 1}};
}

//! jumprelu's thresholds have a gradient from activations within a window alone. One that a rounding puts on the other
//! side of its edge, as products of some processors do, moves that latent's threshold by a step of its own: of a
//! threshold a latent one may be off, by at most a hundredth.
void leave_out_one_flip(const at::Tensor& difference, const at::Tensor& expected) {
  if (expected.dim() == 0 || expected.numel() == 1) return;
  const auto place = difference.argmax().item<int64_t>();
  EXPECT_LT(difference[place].item<double>(), 0.01 * expected[place].item<double>());
  difference[place].zero_();
}

//! Trains by kernels and by tensors on the same batches; returns the largest share of dead latents.
double expect_equal_training(const sae::SaeOptions& sae, const TrainOptions& options, double of_loss = 1e-6,
                             double of_parameters = 1e-4) {
  SaeTrainer by_kernels(kDIn, sae, options, 1), by_tensors(kDIn, sae, options, 1, at::kCPU, &tensor_backend());
  double dead = 0;
  for (int64_t step = 0; step < kSteps; ++step) {
    const at::Tensor x = batch(step);
    const StepReport expected = by_kernels.step(x), report = by_tensors.step(x);
    EXPECT_NEAR(report.loss, expected.loss, of_loss * expected.loss) << "step " << step;
    EXPECT_NEAR(report.fvu, expected.fvu, of_loss * expected.fvu) << "step " << step;
    EXPECT_NEAR(report.l0, expected.l0, 0.05) << "step " << step;
    EXPECT_EQ(report.dead_fraction, expected.dead_fraction) << "step " << step;
    dead = std::max(dead, report.dead_fraction);
  }
  const std::vector<at::Tensor> tensors = test::tensors_of(by_tensors.sae());
  for (size_t i = 0; i < tensors.size(); ++i) {
    const at::Tensor expected = test::tensors_of(by_kernels.sae())[i];
    const at::Tensor difference = (tensors[i] - expected).abs();
    if (i == kThreshold) leave_out_one_flip(difference, expected);
    EXPECT_LT(difference.norm().item<double>(), of_parameters * expected.norm().item<double>()) << "tensor " << i;
  }
  return dead;
}

class TensorTrainingOf : public testing::TestWithParam<Architecture> {};

INSTANTIATE_TEST_SUITE_P(TensorStep, TensorTrainingOf, testing::ValuesIn(sae::all_architectures()),
                         [](const auto& instance) { return name_of(instance.param); });

TEST_P(TensorTrainingOf, IsThatOfTheKernels) {
  for (const char* optimizer : {"adam", "signum"}) expect_equal_training(sae_of(GetParam()), options_of(optimizer));
}

TEST_P(TensorTrainingOf, IsThatOfTheKernelsWithPartsAndClipping) {
  TrainOptions options = options_of();
  options.gradient_accumulation = 4;
  options.gradient_clip = 0.02;
  options.b_dec_start = "geometric_median";
  expect_equal_training(sae_of(GetParam()), options);
}

TEST_P(TensorTrainingOf, IsThatOfTheKernelsWithAuxK) {
  for (const char* recipe : {"sparsify", "gao"}) {
    TrainOptions options = options_of();
    options.recipe = recipe;
    options.auxk_alpha = 0.1;
    options.dead_after_tokens = kBatch;
    const double dead = expect_equal_training(sae_of(GetParam()), options);
    EXPECT_EQ(dead > 0, GetParam() != Architecture::kRelu && GetParam() != Architecture::kJumpRelu);
  }
}

TEST_P(TensorTrainingOf, IsThatOfTheKernelsInBfloat16) {
  TrainOptions options = options_of();
  options.precision = "bfloat16";
  expect_equal_training(sae_of(GetParam()), options);
}

// A moment that differs in its last bit may be rounded to the next bfloat16, 2^-8 away, by the same draw.
TEST_P(TensorTrainingOf, IsThatOfTheKernelsWithABfloat16State) {
  for (const char* optimizer : {"adam", "signum"}) {
    TrainOptions options = options_of(optimizer);
    options.optimizer_state = "bfloat16";
    expect_equal_training(sae_of(GetParam()), options, 1e-5, 1e-3);
  }
}

TEST(TensorTraining, IsThatOfTheKernelsWithMultiTopK) {
  TrainOptions options = options_of();
  options.multi_topk = true;
  expect_equal_training(sae_of(Architecture::kTopK), options);
}

TEST(TensorMoments, AreThoseOfTheKernels) {
  // Several chunks of 2^22 elements.
  const at::Tensor x = test::drawn("x", {40, 8}).repeat({15000, 1}) + test::drawn("mean", {8});
  const BatchMoments expected = moments_of(x), found = tensors::moments_of(x);
  EXPECT_NEAR(found.total_variance, expected.total_variance, 1e-9 * expected.total_variance);
  for (size_t i = 0; i < expected.mean.size(); ++i) EXPECT_NEAR(found.mean[i], expected.mean[i], 1e-9);
}

}  // namespace
}  // namespace saesweep::train
