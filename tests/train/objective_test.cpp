#include "train/objective.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "train/drawn_step.h"

namespace saesweep::train {
namespace {

using sae::Architecture;
using test::DrawnStep;
using test::largest;

//! So many latents, spread over all.
at::Tensor dead(int64_t n) {
  at::Tensor is_dead = at::zeros({DrawnStep::kLatents}, at::kBool);
  for (int64_t i = 0; i < n; ++i) is_dead[i * 37 % DrawnStep::kLatents] = true;
  return is_dead;
}

//! A step for each loss that an architecture may have, by name.
std::vector<std::pair<std::string, DrawnStep>> steps_of(Architecture architecture) {
  std::vector<std::pair<std::string, DrawnStep>> all;
  const test::DenseLoss plain{.penalty = takes_k(architecture) ? 0 : 0.1, .bandwidth = 0.75};
  const auto add = [&](const char* name, const test::DenseLoss& loss, double share = 1) {
    DrawnStep step(architecture);
    step.dense = loss;
    step.share = share;
    all.emplace_back(name, std::move(step));
  };
  auto by_variance = plain;
  by_variance.auxk_alpha = 0.5;
  by_variance.is_dead = dead(60);  // above d_in / 2: not all of them are used
  auto few = by_variance;
  few.is_dead = dead(5);  // below it: scaled down
  auto by_residual = by_variance;
  by_residual.auxk_by_residual = true;
  auto none = by_variance;
  none.is_dead = dead(0);
  add("alone", plain);
  add("a third of a step", plain, 1.0 / 3);
  add("AuxK", by_variance);
  add("AuxK of few", few);
  add("AuxK of none", none);
  add("AuxK by the residual", by_residual, 0.5);
  if (architecture != Architecture::kTopK) return all;
  auto wide = plain;
  wide.multi_topk = true;
  add("MultiTopK", wide);
  auto all_terms = by_variance;
  all_terms.multi_topk = true;
  add("MultiTopK and AuxK", all_terms, 0.25);
  return all;
}

class LossOf : public testing::TestWithParam<Architecture> {};

INSTANTIATE_TEST_SUITE_P(Objective, LossOf, testing::ValuesIn(sae::all_architectures()),
                         [](const auto& instance) { return name_of(instance.param); });

TEST_P(LossOf, IsThatOfTheDenseForm) {
  for (auto& [name, step] : steps_of(GetParam())) {
    const test::DenseSae dense(step.sae, step.dense);
    const double expected = dense.loss(step.x.to(at::kDouble)).item<double>();
    step.take_loss();
    // Errors of float32 sums of kDIn squares, which mostly cancel over the tokens.
    EXPECT_NEAR(step.loss.loss, expected, 1e-6 * expected) << name;
  }
}

TEST_P(LossOf, FvuIsThatOfTheActiveLatents) {
  for (auto& [name, step] : steps_of(GetParam())) {
    step.take_loss();
    const at::Tensor x_hat = sae::decode(step.sae, step.loss.codes).to(at::kDouble);
    const double fvu = (step.x - x_hat).pow(2).sum().item<double>() / step.total_variance();
    EXPECT_NEAR(step.loss.fvu, fvu, 1e-6 * fvu) << name;
  }
}

//! Of each tensor, at most this share of its largest gradient.
constexpr double kGradientTolerance = 1e-5;

//! From moments of zero, Adam's are 0.1 g and 0.001 g^2: they show the gradients.
void expect_moments(const std::vector<OptimizerState>& states, const std::vector<at::Tensor>& gradients) {
  for (size_t i = 0; i < states.size(); ++i) {
    const at::Tensor& g = gradients[i];
    const double scale = largest(g);
    ASSERT_GT(scale, 0);
    EXPECT_LT(largest(states[i].first.to(at::kDouble) / 0.1 - g), kGradientTolerance * scale) << "tensor " << i;
    EXPECT_LT(largest(states[i].second.to(at::kDouble) / 0.001 - g * g), 2 * kGradientTolerance * scale * scale)
        << "tensor " << i;
  }
}

// A gradient is a sum of up to kTokens terms over dot products of kDIn; the rounding of a float32 sum of n terms is at
// most n * 2^-24 of the sum of their sizes, which here is some times the largest gradient.
TEST_P(LossOf, GradientsAreAutogradsOfTheDenseForm) {
  for (auto& [name, step] : steps_of(GetParam())) {
    SCOPED_TRACE(name);
    test::DenseSae dense(step.sae, step.dense);
    std::vector<at::Tensor> expected = dense.gradients(step.share * dense.loss(step.x.to(at::kDouble)));
    const double norm = test::DenseSae::norm(expected);
    expected[2] = dense.across_rows(expected[2]);
    step.take_loss();
    EXPECT_NEAR(gradient_norm(step.sae, step.loss.parts, step.loss.d_threshold), norm, kGradientTolerance * norm);
    update_parameters(step.sae, step.state, step.step, step.loss.parts, /*normalizes=*/true);
    expect_moments(step.states(), expected);
    EXPECT_EQ(step.loss.d_threshold.empty(), GetParam() != Architecture::kJumpRelu);
    if (step.loss.d_threshold.empty()) continue;
    const at::Tensor found = at::tensor(step.loss.d_threshold, at::kDouble);
    ASSERT_GT(largest(expected[4]), 0);
    EXPECT_LT(largest(found - expected[4]), kGradientTolerance * largest(expected[4]));
  }
}

TEST(GradientNorm, FollowsTheScalesOfTheParts) {
  DrawnStep one, two;
  two.x = test::drawn("other x", {DrawnStep::kTokens, DrawnStep::kDIn});
  one.take_loss();
  two.take_loss();
  std::vector<Part> parts = {one.loss.parts.front(), two.loss.parts.front()};
  parts[0].scale = 0.25F;
  parts[1].scale = 3;
  test::DenseSae dense(one.sae);
  const at::Tensor loss = 0.25 * dense.loss(one.x.to(at::kDouble)) + 3 * dense.loss(two.x.to(at::kDouble));
  const double expected = test::DenseSae::norm(dense.gradients(loss));
  EXPECT_NEAR(gradient_norm(one.sae, parts, {}), expected, 1e-5 * expected);
}

}  // namespace
}  // namespace saesweep::train
