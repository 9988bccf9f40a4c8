#include "metrics/correlation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/errors.h"

namespace saesweep::metrics {
namespace {

double correlation_of(const std::vector<double>& x, const std::vector<double>& y) {
  return pearson_correlation(x, y);
}

TEST(PearsonCorrelation, IsOneForALineAndMinusOneForAFallingOne) {
  EXPECT_DOUBLE_EQ(correlation_of({1, 2, 4}, {3, 5, 9}), 1.0);
  EXPECT_DOUBLE_EQ(correlation_of({1, 2, 4}, {-3, -5, -9}), -1.0);
}

// Deviations (-1, 0, 1) and (0, -1, 1): 1 / sqrt(2 * 2).
TEST(PearsonCorrelation, OfThreePointsByHand) {
  EXPECT_DOUBLE_EQ(correlation_of({1, 2, 3}, {2, 1, 3}), 0.5);
  EXPECT_NEAR(correlation_of({1, 2, 3}, {1, 5, 1}), 0.0, 1e-15);
}

TEST(PearsonCorrelation, IsNotSpoiltByALargeMean) {
  EXPECT_NEAR(correlation_of({1e9 + 1, 1e9 + 2, 1e9 + 3}, {2, 1, 3}), 0.5, 1e-15);
}

// The mean of ten times 0.1 is not 0.1 in floating point.
TEST(PearsonCorrelation, IsMissingWhereNothingVaries) {
  const std::vector<double> constant(10, 0.1);
  EXPECT_TRUE(std::isnan(correlation_of(constant, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9})));
  EXPECT_TRUE(std::isnan(correlation_of({0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, constant)));
  EXPECT_TRUE(std::isnan(correlation_of({1}, {2})));
  EXPECT_TRUE(std::isnan(correlation_of({}, {})));
}

TEST(PearsonCorrelation, IsMissingWhereANumberIs) {
  EXPECT_TRUE(std::isnan(correlation_of({1, 2, NAN}, {1, 2, 3})));
  EXPECT_TRUE(std::isnan(correlation_of({1, 2, 3}, {NAN, 2, 3})));
}

TEST(PearsonCorrelation, RefusesUnlikeLengths) {
  EXPECT_THROW(correlation_of({1, 2}, {1}), SystemError);
}

}  // namespace
}  // namespace saesweep::metrics
