#include "train/sae_trainer.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "base/errors.h"
#include "sae/drawn.h"
#include "train/dense_sae.h"
#include "train/schedule.h"

namespace saesweep::train {
namespace {

constexpr int64_t kDIn = 16;
constexpr int64_t kBatch = 128;

TrainOptions options_of(int64_t n_steps, double learning_rate) {
  TrainOptions options;
  options.tokens = n_steps * kBatch;
  options.batch_tokens = kBatch;
  options.learning_rate = learning_rate;
  options.warmup_steps = 5;
  return options;
}

at::Tensor batch(int64_t step) {
  return test::drawn("batch " + std::to_string(step), {kBatch, kDIn}) * 2 + 3;
}

//! Tokens that are each two of 24 planted directions, at drawn strengths.
at::Tensor planted(int64_t step) {
  const at::Tensor drawn = test::drawn("directions", {24, kDIn});
  const at::Tensor directions = drawn / drawn.norm(2, 1, /*keepdim=*/true);
  const at::Tensor strengths = test::drawn("strengths " + std::to_string(step), {kBatch, 24});
  const auto [values, indices] = strengths.topk(2, 1);
  return at::zeros_like(strengths).scatter_(1, indices, values + 1).mm(directions);
}

TEST(SaeTrainer, StepsAreThoseOfTheDenseRecipe) {
  constexpr int64_t kSteps = 30;
  const TrainOptions options = options_of(kSteps, 2e-3);
  SaeTrainer trainer(kDIn, {"topk", 8, 6}, options, 3);
  sae::TopKSae start{sae::initial_parameters(kDIn, 8 * kDIn, "topk", 3), 6};
  start.parameters.b_dec = batch(0).mean(0);
  test::DenseSae dense(start);
  for (int64_t step = 0; step < kSteps; ++step) {
    const at::Tensor x = batch(step);
    const StepReport report = trainer.step(x);
    const double learning_rate = 2e-3 * linear_schedule(step, 5, kSteps);
    const double loss = dense.step(x.to(at::kDouble), learning_rate);
    EXPECT_EQ(report.step, step);
    EXPECT_DOUBLE_EQ(report.learning_rate, learning_rate);
    EXPECT_NEAR(report.loss, loss, 1e-4 * loss) << "step " << step;
  }
  const std::vector<at::Tensor> tensors = test::tensors_of(trainer.sae());
  for (size_t i = 0; i < tensors.size(); ++i) {
    const at::Tensor expected = dense.parameters()[i];
    const double distance = (tensors[i].to(at::kDouble) - expected).norm().item<double>();
    EXPECT_LT(distance, 1e-3 * expected.norm().item<double>()) << "tensor " << i;
  }
}

TEST(SaeTrainer, StartsFromTheMeanOfTheFirstBatch) {
  TrainOptions options = options_of(10, 1e-3);
  SaeTrainer trainer(kDIn, {"topk", 4, 4}, options, 0);
  trainer.step(batch(0));  // the first rate of the warm-up is 0
  EXPECT_TRUE(at::allclose(trainer.sae().parameters.b_dec, batch(0).mean(0), 1e-6, 1e-6));
}

TEST(SaeTrainer, TrainsTheWholeBatchesOfTheBudget) {
  TrainOptions options = options_of(7, 1e-3);
  options.tokens += kBatch - 1;
  SaeTrainer trainer(kDIn, {"topk", 4, 4}, options, 0);
  EXPECT_EQ(trainer.n_steps(), 7);
  EXPECT_EQ(trainer.steps_done(), 0);
  trainer.step(batch(0));
  EXPECT_EQ(trainer.steps_done(), 1);
}

TEST(SaeTrainer, TheRecipesRateFollowsTheWidth) {
  TrainOptions options = options_of(10, 0);
  options.learning_rate.reset();
  options.warmup_steps = 0;
  SaeTrainer trainer(kDIn, {"topk", 64, 4}, options, 0);
  EXPECT_DOUBLE_EQ(trainer.step(batch(0)).learning_rate, 8e-4);  // 2e-4 / sqrt(1024 / 2^14)
}

TEST(SaeTrainer, LearnsPlantedFeatures) {
  constexpr int64_t kSteps = 300;
  SaeTrainer trainer(kDIn, {"topk", 6, 2}, options_of(kSteps, 5e-3), 0);
  double first = 0, last = 0;
  for (int64_t step = 0; step < kSteps; ++step) {
    const StepReport report = trainer.step(planted(step));
    if (step == 0) first = report.loss;
    last = report.loss;
    EXPECT_LE(report.l0, 2.0);
  }
  EXPECT_LT(last, 0.25 * first);
  EXPECT_LT(last, 0.15);
}

TEST(SaeTrainer, TheSameBatchesGiveTheSameBits) {
  SaeTrainer one(kDIn, {"topk", 4, 4}, options_of(20, 1e-2), 1);
  SaeTrainer two(kDIn, {"topk", 4, 4}, options_of(20, 1e-2), 1);
  for (int64_t step = 0; step < 20; ++step) EXPECT_EQ(one.step(batch(step)).loss, two.step(batch(step)).loss);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_TRUE(at::equal(test::tensors_of(one.sae())[i], test::tensors_of(two.sae())[i]));
  }
}

TEST(SaeTrainer, NumbersThatAreNotFiniteEndItWithStepAndRate) {
  for (const float value : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    SaeTrainer trainer(kDIn, {"topk", 4, 4}, options_of(20, 1e-3), 0);
    for (int64_t step = 0; step < 3; ++step) trainer.step(batch(step));
    at::Tensor spoilt = batch(3);
    spoilt[17][5] = value;
    try {
      trainer.step(spoilt);
      ADD_FAILURE() << "a batch with " << value << " was trained on";
    } catch (const NumericError& error) {
      const std::string message = error.what();
      EXPECT_NE(message.find("at step 3,"), std::string::npos) << message;
      EXPECT_NE(message.find("learning rate 0.0006"), std::string::npos) << message;  // 3/5 of the warm-up
    }
  }
}

//! Tokens along one of four directions only, of mean 0: other steps fire other latents.
at::Tensor along_one_direction(int64_t step) {
  const at::Tensor strengths = test::drawn_eighths("strengths", {kBatch / 2, 1});
  const at::Tensor half = strengths.mm(test::drawn_eighths("direction " + std::to_string(step % 4), {1, kDIn}));
  return at::cat({half, -half});
}

TEST(SaeTrainer, DeadFractionCountsTokensWithoutAFiring) {
  constexpr int64_t kLatents = 8 * kDIn;
  TrainOptions options = options_of(12, 1e-4);
  options.dead_after_tokens = 3 * kBatch;
  SaeTrainer trainer(kDIn, {"topk", 8, 2}, options, 0);
  std::vector<int64_t> steps_since_fired(kLatents, 0);
  for (int64_t step = 0; step < 12; ++step) {
    const at::Tensor x = along_one_direction(step);
    const at::Tensor indices = sae::encode(trainer.sae(), x).indices;
    int64_t n_dead = 0;
    for (int64_t latent = 0; latent < kLatents; ++latent) {
      int64_t& steps = steps_since_fired[static_cast<size_t>(latent)];
      steps = indices.eq(latent).any().item<bool>() ? 0 : steps + 1;
      if (steps >= 3) ++n_dead;
    }
    const double expected = static_cast<double>(n_dead) / static_cast<double>(kLatents);
    EXPECT_EQ(trainer.step(x).dead_fraction, expected) << "step " << step;
    EXPECT_EQ(n_dead > 0, step >= 2);
    EXPECT_LT(n_dead, kLatents);
  }
}

}  // namespace
}  // namespace saesweep::train
