#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <string>

#include "sae/drawn.h"
#include "train/dense_sae.h"
#include "train/sae_trainer.h"

namespace saesweep::test {

constexpr int64_t kStepDIn = 16;
constexpr int64_t kStepBatch = 128;

inline at::Tensor step_batch(int64_t step) {
  return drawn("batch " + std::to_string(step), {kStepBatch, kStepDIn}) * 2 + 3;
}

//! Trains on the device by the backend (null: the device's own), and on the CPU by ATen's, and compares each step.
inline void expect_equal_training(sae::Architecture architecture, train::TrainOptions options, int64_t steps,
                                  at::Device device, const train::Backend* backend = nullptr) {
  options.tokens = steps * kStepBatch;
  options.batch_tokens = kStepBatch;
  options.learning_rate = 2e-3;
  options.warmup_steps = 5;
  const sae::SaeOptions sae{.architecture = architecture,
                            .expansion_factor = 8,
                            .k = 4,
                            .penalty = takes_k(architecture) ? 0 : 0.01,
                            .matryoshka_fractions = {0.25, 0.5, 1}};
  train::SaeTrainer there(kStepDIn, sae, options, 1, device, backend);
  train::SaeTrainer here(kStepDIn, sae, options, 1, at::kCPU, &train::tensor_backend());
  for (int64_t step = 0; step < steps; ++step) {
    const train::StepReport report = there.step(step_batch(step).to(device)), expected = here.step(step_batch(step));
    // Rounding of sums in another order, and what follows from it over the steps.
    EXPECT_NEAR(report.loss, expected.loss, 1e-5 * expected.loss) << "step " << step;
    EXPECT_EQ(report.dead_fraction, expected.dead_fraction) << "step " << step;
  }
  for (size_t i = 0; i < tensors_of(here.sae()).size(); ++i) {
    const at::Tensor expected = tensors_of(here.sae())[i];
    const at::Tensor found = tensors_of(there.sae())[i].to(at::kCPU);
    EXPECT_LT((found - expected).norm().item<double>(), 1e-3 * expected.norm().item<double>()) << "tensor " << i;
  }
}

}  // namespace saesweep::test
