#include "train/schedule.h"

#include <gtest/gtest.h>

#include <vector>

namespace saesweep::train {
namespace {

void expect_factors(int64_t warmup_steps, const std::vector<double>& factors) {
  const auto n_steps = static_cast<int64_t>(factors.size()) - 1;
  for (int64_t step = 0; step <= n_steps; ++step) {
    EXPECT_DOUBLE_EQ(linear_schedule(step, warmup_steps, n_steps), factors[static_cast<size_t>(step)]) << step;
  }
}

// The factors of transformers' get_linear_schedule_with_warmup(optimizer, warm-up, steps) at 0, 1, ..., steps.

TEST(LinearSchedule, RisesAndFallsAsTransformersDoes) {
  expect_factors(4, {0, 0.25, 0.5, 0.75, 1, 5.0 / 6, 4.0 / 6, 3.0 / 6, 2.0 / 6, 1.0 / 6, 0});
}

TEST(LinearSchedule, WithoutWarmUpFallsFromOne) {
  expect_factors(0, {1, 0.75, 0.5, 0.25, 0});
}

TEST(LinearSchedule, ShorterThanItsWarmUpOnlyRises) {
  for (int64_t step = 0; step < 3; ++step) {
    EXPECT_DOUBLE_EQ(linear_schedule(step, 5, 3), static_cast<double>(step) / 5);
  }
}

TEST(AdamLearningRate, FallsWithTheRootOfTheWidth) {
  EXPECT_DOUBLE_EQ(adam_learning_rate(16384), 2e-4);
  EXPECT_DOUBLE_EQ(adam_learning_rate(65536), 1e-4);
  EXPECT_DOUBLE_EQ(adam_learning_rate(1024), 8e-4);
}

TEST(SignumLearningRate, FallsWithTheRootOfTheWidth) {
  EXPECT_DOUBLE_EQ(signum_learning_rate(16384), 5e-3);
  EXPECT_DOUBLE_EQ(signum_learning_rate(65536), 2.5e-3);
}

}  // namespace
}  // namespace saesweep::train
