#include "train/optimizer.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "sae/drawn.h"
#include "train/dense_optimizer.h"

namespace saesweep::train {
namespace {

constexpr int64_t kN = 2000;

//! Gradients of sizes from 1e-11 to 1, so that Adam's epsilon matters to some and not to others.
at::Tensor gradient_at(int64_t step) {
  const at::Tensor sizes = at::pow(10.0, -11 * at::arange(kN).to(at::kDouble) / kN);
  return (test::drawn("gradient " + std::to_string(step), {kN}).to(at::kDouble) * sizes).to(at::kFloat);
}

double largest(const at::Tensor& tensor) {
  return tensor.abs().max().item<double>();
}

void step_by(const OptimizerStep& step, OptimizerState& state, const at::Tensor& gradient, at::Tensor& parameter) {
  // In two calls: places of a tensor are updated on their own.
  for (const auto& [offset, n] : {std::pair<int64_t, int64_t>{0, 777}, {777, gradient.numel() - 777}}) {
    update(step, state, offset, n, gradient.const_data_ptr<float>() + offset,
           parameter.mutable_data_ptr<float>() + offset);
  }
}

TEST(Adam, IsTorchs) {
  for (const double epsilon : {1e-8, 6.25e-10}) {
    at::Tensor parameter = at::zeros({kN});
    at::Tensor expected = parameter.to(at::kDouble);
    test::DenseAdam dense(expected, epsilon);
    OptimizerState state({}, parameter);
    for (int64_t t = 1; t <= 30; ++t) {
      const double rate = 1e-3 * static_cast<double>(t);
      step_by(OptimizerStep::adam(t, rate, epsilon), state, gradient_at(t), parameter);
      expected = dense.step(expected, gradient_at(t).to(at::kDouble), rate);
    }
    // The rates sum to 0.465; moments and their quotient are a few roundings of 2^-24 each a step.
    EXPECT_LT(largest(parameter.to(at::kDouble) - expected), 0.465 * 30 * 0x1p-24) << epsilon;
  }
}

TEST(Adam, EpsilonHoldsBackSmallGradients) {
  at::Tensor parameter = at::zeros({kN});
  OptimizerState state({}, parameter);
  step_by(OptimizerStep::adam(1, 1, 1e-8), state, at::full({kN}, 1e-8), parameter);
  EXPECT_NEAR(parameter[5].item<double>(), -0.5, 1e-6);
}

TEST(Signum, IsSchedulefreesOverSignDescent) {
  at::Tensor parameter = test::drawn("start", {kN});
  at::Tensor expected = parameter.to(at::kDouble);
  test::DenseSignum dense(expected);
  Recipe recipe;
  recipe.optimizer = Optimizer::kSignum;
  OptimizerState state(recipe, parameter);
  double largest_rate = 0, weight_sum = 0;
  for (int64_t t = 1; t <= 30; ++t) {
    const double rate = t == 1 ? 0 : 1e-3 * static_cast<double>(1 + (t * 7) % 11);  // rises and falls
    largest_rate = std::max(largest_rate, rate);
    weight_sum += largest_rate * largest_rate;
    at::Tensor gradient = gradient_at(t);
    gradient[4] = 0;
    if (t > 1) expected = dense.step(expected, gradient.to(at::kDouble), rate);
    step_by(OptimizerStep::signum(t, rate, largest_rate, weight_sum), state, gradient, parameter);
    // Each step rounds a value of size up to 4 a few times; extrapolating to x multiplies that by 1 / 0.95.
    ASSERT_LT(largest(parameter.to(at::kDouble) - expected), static_cast<double>(t) * 0x1p-20) << "step " << t;
  }
  finish(Optimizer::kSignum, state, parameter);
  EXPECT_LT(largest(parameter.to(at::kDouble) - dense.finish(expected)), 30 * 0x1p-20);
}

TEST(Adam, EndsWithTheParameter) {
  at::Tensor parameter = test::drawn("start", {kN});
  const at::Tensor before = parameter.clone();
  finish(Optimizer::kAdam, OptimizerState({}, parameter), parameter);
  EXPECT_TRUE(at::equal(parameter, before));
}

//! One step of Adam from zero with a bfloat16 state and the same gradient everywhere: the states it leaves.
OptimizerState rounded_state(int64_t t, float gradient, int64_t n) {
  Recipe recipe;
  recipe.has_bfloat16_state = true;
  at::Tensor parameter = at::zeros({n});
  OptimizerState state(recipe, parameter);
  const at::Tensor gradients = at::full({n}, gradient);
  update(OptimizerStep::adam(t, 1e-3, 1e-8), state, 0, n, gradients.const_data_ptr<float>(),
         parameter.mutable_data_ptr<float>());
  return state;
}

// A value between neighbours of distance u is rounded to the upper one with a probability p that keeps its mean; the
// mean over n elements strays by u sqrt(p (1 - p) / n), at most u / (2 sqrt(n)): 5 of these are allowed.
void expect_unbiased(const at::Tensor& rounded, double exact) {
  const at::Tensor values = rounded.to(at::kDouble);
  const double lower = values.min().item<double>(), upper = values.max().item<double>();
  EXPECT_GE(exact, lower);
  EXPECT_LE(exact, upper);
  EXPECT_LT(upper - lower, std::abs(exact) * 0x1p-7 * 1.001);  // neighbours
  const double sigma = (upper - lower) / (2 * std::sqrt(static_cast<double>(rounded.numel())));
  EXPECT_NEAR(values.mean().item<double>(), exact, 5 * sigma + 1e-7 * std::abs(exact));
}

TEST(Bfloat16State, IsRoundedWithoutBias) {
  constexpr int64_t kMany = 1 << 20;
  for (const float gradient : {0.7F, -3.3F, 1e-5F, 1.01F}) {
    const OptimizerState state = rounded_state(1, gradient, kMany);
    ASSERT_EQ(state.first.scalar_type(), at::kBFloat16);
    ASSERT_EQ(state.second.scalar_type(), at::kBFloat16);
    expect_unbiased(state.first, 0.1 * gradient);
    expect_unbiased(state.second, 0.001 * gradient * gradient);
  }
}

TEST(Bfloat16State, IsRoundedByOtherDrawsEachStepAndForEachMoment) {
  const auto up = [](const at::Tensor& rounded) { return rounded.eq(rounded.max()).to(at::kDouble); };
  const auto correlation = [](const at::Tensor& a, const at::Tensor& b) {
    const at::Tensor x = a - a.mean(), y = b - b.mean();
    return ((x * y).sum() / (x.norm() * y.norm())).item<double>();
  };
  const OptimizerState one = rounded_state(1, 0.7F, 1 << 16), two = rounded_state(2, 0.7F, 1 << 16);
  // One sigma of a correlation of 2^16 independent pairs is 2^-8.
  EXPECT_LT(std::abs(correlation(up(one.first), up(two.first))), 5 * 0x1p-8);
  EXPECT_LT(std::abs(correlation(up(one.first), up(one.second))), 5 * 0x1p-8);
  const at::Tensor places = up(one.first);
  EXPECT_LT(std::abs(correlation(places.slice(0, 1), places.slice(0, 0, -1))), 5 * 0x1p-8);
}

TEST(Bfloat16State, OfSignumMovesByLessThanItCouldHold) {
  constexpr int64_t kMany = 1 << 16;
  Recipe recipe;
  recipe.optimizer = Optimizer::kSignum;
  recipe.has_bfloat16_state = true;
  at::Tensor parameter = at::ones({kMany});
  OptimizerState state(recipe, parameter);
  const at::Tensor gradient = -at::ones({kMany});
  // Neighbours of 1 are 2^-7 above it: 20 steps of 1e-4 would all be lost by rounding to the nearest.
  for (int64_t t = 1; t <= 20; ++t) {
    update(OptimizerStep::signum(t, 1e-4, 1e-4, 1e-8 * static_cast<double>(t)), state, 0, kMany,
           gradient.const_data_ptr<float>(), parameter.mutable_data_ptr<float>());
  }
  // Each step's rounding varies by less than 2^-7 sqrt(1e-4 / 2^-7); 20 steps, 2^16 elements.
  const double sigma = 0x1p-7 * std::sqrt(20 * 1e-4 * 128) / std::sqrt(static_cast<double>(kMany));
  EXPECT_NEAR(state.first.to(at::kDouble).mean().item<double>(), 1 + 20e-4, 5 * sigma);
}

}  // namespace
}  // namespace saesweep::train
