#include "toy/sae_training.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <limits>

#include "base/errors.h"
#include "toy/evaluation.h"
#include "toy/product_rate.h"

namespace saesweep::toy {
namespace {

const DataOptions kSmall{.features = 32, .d_in = 16, .active_features = 2, .samples = 1100};

Dataset small_data() {
  return make_dataset(kSmall, nullptr, {"superposed", false, 1});
}

TEST(ToyTraining, LowersTheLossAndKeepsUnitDecoders) {
  const Dataset data = small_data();
  Parameters parameters = initial_parameters(16, 200, 1);
  const Evaluation before = evaluate(parameters, data.held_out, data.features);
  const TrainingReport report = train(
      data.train, {{.epochs = 40}, 1e-3, 1}, [] { return false; }, parameters);
  const Evaluation after = evaluate(parameters, data.held_out, data.features);
  EXPECT_EQ(report.samples, 40 * data.train.n());
  EXPECT_GT(report.product_seconds, 0);
  EXPECT_GT(after.explained_variance, before.explained_variance);
  EXPECT_GT(after.explained_variance, 0.8);
  EXPECT_NEAR((parameters.W_dec.norm(2, {1}) - 1).abs().max().item<double>(), 0, 1e-5);
}

TEST(ToyTraining, AHigherPenaltyLeavesLessActive) {
  const Dataset data = small_data();
  double before = 1e9;
  for (const double penalty : {1e-3, 3e-2, 1.0}) {
    Parameters parameters = initial_parameters(16, 64, 1);
    train(
        data.train, {{.epochs = 40}, penalty, 1}, [] { return false; }, parameters);
    const double l1 = evaluate(parameters, data.held_out, data.features).l1;
    EXPECT_LT(l1, before);
    before = l1;
  }
}

TEST(ToyEvaluation, OfAnSaeThatNeverFires) {
  const Dataset data = small_data();
  Parameters parameters = initial_parameters(16, 64, 1);
  parameters.b_enc.fill_(-1000);
  const Evaluation found = evaluate(parameters, data.held_out, {});
  EXPECT_EQ(found.l0, 0);
  EXPECT_EQ(found.dead_fraction, 1);
  EXPECT_NEAR(found.explained_variance, 0, 0.1);
  EXPECT_TRUE(std::isnan(found.hoyer));
  EXPECT_TRUE(std::isnan(found.l1_sqrt_l2));
  EXPECT_TRUE(std::isnan(found.mmcs));
}

TEST(ToyTraining, StopsBetweenSteps) {
  Parameters parameters = initial_parameters(16, 64, 1);
  const TrainingReport report = train(
      small_data().train, {{.epochs = 3}, 0.1, 1}, [] { return true; }, parameters);
  EXPECT_TRUE(report.is_stopped);
  EXPECT_EQ(report.samples, 256);
}

TEST(ToyTraining, ALossThatDivergesIsTold) {
  const Dataset data = small_data();
  Parameters parameters = initial_parameters(16, 64, 1);
  EXPECT_THROW(train(
                   data.train, {{.epochs = 3, .learning_rate = 1e30}, 0.1, 1}, [] { return false; }, parameters),
               NumericError);
}

TEST(ToyTraining, AParameterThatIsNoNumberIsTold) {
  const Dataset data = small_data();
  for (const int64_t latent : {0, 63}) {
    Parameters parameters = initial_parameters(16, 64, 1);
    parameters.W_enc[latent][3] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_THROW(train(
                     data.train, {{.epochs = 1}, 0.1, 1}, [] { return false; }, parameters),
                 NumericError);
  }
}

TEST(ToyTraining, CountsTheOperationsOfFiveProducts) {
  EXPECT_DOUBLE_EQ(product_operations({.epochs = 30}, 9000, 256, 512), 5.0 * 2 * 30 * 9000 * 256 * 512);
  EXPECT_GT(product_rate(16, 64, 32), 0);
}

}  // namespace
}  // namespace saesweep::toy
