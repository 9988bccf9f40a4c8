#include "train/sparse_update.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "sae/threads.h"
#include "train/drawn_step.h"

namespace saesweep::train {
namespace {

using test::DrawnStep;
using test::largest;

TEST(UpdateParameters, StepIsAdamsOnThoseMoments) {
  DrawnStep step;
  step.step = OptimizerStep::adam(3, 0.01, 1e-8);
  step.run();
  const std::vector<OptimizerState> states = step.states();
  const std::vector<at::Tensor> after = test::tensors_of(step.sae);
  for (size_t i = 0; i < after.size(); ++i) {
    const at::Tensor mean = states[i].first.to(at::kDouble) / (1 - std::pow(0.9, 3));
    const at::Tensor deviation = (states[i].second.to(at::kDouble) / (1 - std::pow(0.999, 3))).sqrt();
    at::Tensor expected = step.before[i].to(at::kDouble) - 0.01 * mean / (deviation + 1e-8);
    if (i == 2) expected /= expected.norm(2, 1, /*keepdim=*/true) + std::numeric_limits<float>::epsilon();
    // A few roundings of a parameter: 2^-23 of the largest.
    EXPECT_LT(largest(after[i].to(at::kDouble) - expected), 4 * std::ldexp(largest(expected), -23)) << "tensor " << i;
  }
}

TEST(UpdateParameters, GradientOfTheDecoderIsAcrossItsRows) {
  DrawnStep step;
  step.run();
  const at::Tensor along = (step.state.W_dec.first * step.before[2]).sum(1);
  EXPECT_LT(largest(along), 1e-6 * largest(step.state.W_dec.first));
  EXPECT_TRUE(at::allclose(step.sae.parameters.W_dec.norm(2, 1), at::ones({DrawnStep::kLatents}), 0, 1e-6));
}

TEST(UpdateParameters, LatentsThatNeverFireStayInPlace) {
  DrawnStep step;
  step.run();
  int64_t n_silent = 0;
  for (int64_t latent = 0; latent < DrawnStep::kLatents; ++latent) {
    if (!step.loss.parts.front().index.firings(latent).empty()) continue;
    ++n_silent;
    EXPECT_TRUE(at::equal(step.sae.parameters.W_enc[latent], step.before[0][latent]));
    EXPECT_TRUE(at::equal(step.sae.parameters.b_enc[latent], step.before[1][latent]));
    EXPECT_TRUE(at::allclose(step.sae.parameters.W_dec[latent], step.before[2][latent], 0, 1e-6));
  }
  EXPECT_GT(n_silent, 0);
  EXPECT_LT(n_silent, DrawnStep::kLatents);
}

TEST(UpdateParameters, RowsAreLeftAsTheyAreWhereAskedTo) {
  DrawnStep one, two;
  one.run();
  two.take_loss();
  update_parameters(two.sae, two.state, two.step, two.loss.parts, /*normalizes=*/false);
  EXPECT_FALSE(at::allclose(two.sae.parameters.W_dec.norm(2, 1), at::ones({DrawnStep::kLatents}), 0, 1e-4));
  sae::normalize_rows(two.sae.parameters.W_dec);
  EXPECT_TRUE(at::allclose(two.sae.parameters.W_dec, one.sae.parameters.W_dec, 0, 1e-6));
}

class UpdateOf : public testing::TestWithParam<sae::Architecture> {};

INSTANTIATE_TEST_SUITE_P(SparseUpdate, UpdateOf, testing::ValuesIn(sae::all_architectures()),
                         [](const auto& instance) { return name_of(instance.param); });

TEST_P(UpdateOf, BitsDoNotDependOnTheThreads) {
  const auto run_on = [](int n_threads) {
    const test::Threads threads(n_threads);
    DrawnStep step(GetParam());
    at::Tensor is_dead = at::zeros({DrawnStep::kLatents}, at::kBool);
    is_dead.slice(0, 0, 100, 3).fill_(true);
    step.dense = {.penalty = 0.1, .bandwidth = 0.75, .auxk_alpha = 0.5, .is_dead = is_dead};
    step.run();
    return step;
  };
  const DrawnStep one = run_on(1);
  const double norm = gradient_norm(one.sae, one.loss.parts, one.loss.d_threshold);
  for (const int n_threads : {2, 3}) {
    const DrawnStep other = run_on(n_threads);
    EXPECT_EQ(other.loss.loss, one.loss.loss);
    EXPECT_EQ(other.loss.fvu, one.loss.fvu);
    EXPECT_EQ(other.loss.d_threshold, one.loss.d_threshold);
    EXPECT_EQ(gradient_norm(other.sae, other.loss.parts, other.loss.d_threshold), norm);
    ASSERT_EQ(other.loss.parts.size(), one.loss.parts.size());
    for (size_t i = 0; i < one.loss.parts.size(); ++i) {
      EXPECT_TRUE(at::equal(other.loss.parts[i].d_x_hat, one.loss.parts[i].d_x_hat));
      EXPECT_TRUE(at::equal(other.loss.parts[i].d_values, one.loss.parts[i].d_values));
    }
    for (size_t i = 0; i < one.states().size(); ++i) {
      EXPECT_TRUE(at::equal(test::tensors_of(other.sae)[i], test::tensors_of(one.sae)[i])) << "tensor " << i;
      EXPECT_TRUE(at::equal(other.states()[i].second, one.states()[i].second)) << "tensor " << i;
    }
  }
}

}  // namespace
}  // namespace saesweep::train
