#include "train/objective.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <ostream>
#include <string>

#include "train/drawn_step.h"

namespace saesweep::train {
namespace {

using sae::Architecture;
using test::DrawnStep;
using test::largest;

//! A loss whose gradients are looked at.
struct Case {
  std::string name;
  Architecture architecture;
  test::DenseLoss loss;
  double share = 1;
};

void PrintTo(const Case& of, std::ostream* out) {
  *out << of.name;
}

//! So many latents, spread over all.
at::Tensor dead(int64_t n) {
  at::Tensor is_dead = at::zeros({DrawnStep::kLatents}, at::kBool);
  for (int64_t i = 0; i < n; ++i) is_dead[i * 37 % DrawnStep::kLatents] = true;
  return is_dead;
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const Architecture architecture : sae::all_architectures()) {
    const test::DenseLoss plain{.penalty = takes_k(architecture) ? 0 : 0.1, .bandwidth = 0.75};
    const auto add = [&, architecture](const char* name, const test::DenseLoss& loss, double share = 1) {
      all.push_back({name_of(architecture) + "_" + name, architecture, loss, share});
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
    add("third_of_a_step", plain, 1.0 / 3);
    add("auxk", by_variance);
    add("auxk_of_few", few);
    add("auxk_of_none", none);
    add("auxk_by_residual", by_residual, 0.5);
    if (architecture != Architecture::kTopK) continue;
    auto wide = plain;
    wide.multi_topk = true;
    add("multi_topk", wide);
    auto all_terms = by_variance;
    all_terms.multi_topk = true;
    add("multi_topk_and_auxk", all_terms, 0.25);
  }
  return all;
}

class LossOf : public testing::TestWithParam<Case> {
 protected:
  LossOf() : step_(GetParam().architecture) {
    step_.dense = GetParam().loss;
    step_.share = GetParam().share;
  }
  DrawnStep step_;
};

INSTANTIATE_TEST_SUITE_P(Objective, LossOf, testing::ValuesIn(cases()),
                         [](const auto& instance) { return instance.param.name; });

TEST_P(LossOf, IsThatOfTheDenseForm) {
  const test::DenseSae dense(step_.sae, step_.dense);
  const double expected = dense.loss(step_.x.to(at::kDouble)).item<double>();
  step_.take_loss();
  // Errors of float32 sums of kDIn squares, which mostly cancel over the tokens.
  EXPECT_NEAR(step_.loss.loss, expected, 1e-6 * expected);
}

// From moments of zero, Adam's are 0.1 g and 0.001 g^2: they show the gradients. Each is a sum of up to kTokens terms
// over dot products of kDIn; the rounding of a float32 sum of n terms is at most n * 2^-24 of the sum of their sizes,
// which here is some times the largest gradient: 1e-5 of that.
TEST_P(LossOf, GradientsAreAutogradsOfTheDenseForm) {
  test::DenseSae dense(step_.sae, step_.dense);
  std::vector<at::Tensor> expected = dense.gradients(step_.share * dense.loss(step_.x.to(at::kDouble)));
  const double norm = test::DenseSae::norm(expected);
  expected[2] = dense.across_rows(expected[2]);
  step_.take_loss();
  EXPECT_NEAR(gradient_norm(step_.sae, step_.loss.parts, step_.loss.d_threshold), norm, 1e-5 * norm);
  update_parameters(step_.sae, step_.state, step_.step, step_.loss.parts, /*normalizes=*/true);
  const std::vector<OptimizerState> states = step_.states();
  for (size_t i = 0; i < states.size(); ++i) {
    const double scale = largest(expected[i]);
    ASSERT_GT(scale, 0);
    EXPECT_LT(largest(states[i].first.to(at::kDouble) / 0.1 - expected[i]), 1e-5 * scale) << "tensor " << i;
    EXPECT_LT(largest(states[i].second.to(at::kDouble) / 0.001 - expected[i] * expected[i]), 2e-5 * scale * scale)
        << "tensor " << i;
  }
  if (GetParam().architecture == Architecture::kJumpRelu) {
    const at::Tensor found = at::tensor(step_.loss.d_threshold, at::kDouble);
    ASSERT_GT(largest(expected[4]), 0);
    EXPECT_LT(largest(found - expected[4]), 1e-5 * largest(expected[4]));
  } else {
    EXPECT_TRUE(step_.loss.d_threshold.empty());
  }
}

TEST_P(LossOf, FvuIsThatOfTheActiveLatents) {
  step_.take_loss();
  const at::Tensor x_hat = sae::decode(step_.sae, step_.loss.codes).to(at::kDouble);
  const double fvu = (step_.x - x_hat).pow(2).sum().item<double>() / step_.total_variance();
  EXPECT_NEAR(step_.loss.fvu, fvu, 1e-6 * fvu);
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
