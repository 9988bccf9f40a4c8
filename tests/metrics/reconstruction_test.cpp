#include "metrics/reconstruction.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace saesweep::metrics {
namespace {

// Tokens (1, 10), (2, 10), (6, 40): means (3, 20), squared deviations (4 + 1 + 9) + (100 + 100 + 400) = 614.
constexpr double kVariance = 614;

TEST(TotalVariance, OfThreeTokensByHand) {
  const std::vector<double> sum = {9, 60};
  const std::vector<double> square = {1 + 4 + 36, 100 + 100 + 1600};
  EXPECT_DOUBLE_EQ(total_variance(sum, square, 3), kVariance);
}

TEST(TotalVariance, IsTheSameForShiftedSums) {
  // The same tokens less (2, 15): (-1, -5), (0, -5), (4, 25).
  const std::vector<double> sum = {3, 15};
  const std::vector<double> square = {1 + 0 + 16, 25 + 25 + 625};
  EXPECT_DOUBLE_EQ(total_variance(sum, square, 3), kVariance);
}

TEST(TotalVariance, IsMissingWithoutTokens) {
  const std::vector<double> none = {0, 0};
  EXPECT_TRUE(std::isnan(total_variance(none, none, 0)));
}

TEST(ExplainedVariance, IsOneForAPerfectReconstruction) {
  EXPECT_EQ(explained_variance(0, kVariance), 1.0);
}

TEST(ExplainedVariance, IsZeroForTheMean) {
  EXPECT_EQ(explained_variance(kVariance, kVariance), 0.0);
}

TEST(ExplainedVariance, IsBelowZeroForWorseThanTheMean) {
  // Zeros for every token: error 1 + 4 + 36 + 100 + 100 + 1600 = 1841; 1 - 1841/614 = -1227/614.
  EXPECT_DOUBLE_EQ(explained_variance(1841, kVariance), -1227.0 / 614.0);
}

TEST(ExplainedVariance, IsMissingWhereNothingVaries) {
  EXPECT_TRUE(std::isnan(explained_variance(1, 0)));
  EXPECT_TRUE(std::isnan(explained_variance(0, std::nan(""))));
}

}  // namespace
}  // namespace saesweep::metrics
