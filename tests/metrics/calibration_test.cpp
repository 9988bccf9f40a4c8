#include "metrics/calibration.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/errors.h"

namespace saesweep::metrics {
namespace {

double error_of(const std::vector<double>& probabilities, const std::vector<uint8_t>& truths, int64_t n_bins) {
  return expected_calibration_error(probabilities, truths, n_bins);
}

TEST(ExpectedCalibrationError, IsZeroWhereSharesAreTheProbabilities) {
  EXPECT_DOUBLE_EQ(error_of({0.25, 0.25, 0.25, 0.25, 1, 0}, {1, 0, 0, 0, 1, 0}, 4), 0.0);
}

TEST(ExpectedCalibrationError, IsOneForSureAndWrong) {
  EXPECT_EQ(error_of({1, 0}, {0, 1}, 10), 1.0);
}

// Two bins. Up to 0.5: 0.25, 0.5, mean 0.375, share 1/2. Above: 0.75, 1, 1, 1, mean 0.9375, share 3/4.
// (2 * 0.125 + 4 * 0.1875) / 6.
TEST(ExpectedCalibrationError, WeighsBinsByWhatIsInThem) {
  EXPECT_DOUBLE_EQ(error_of({0.25, 0.5, 0.75, 1, 1, 1}, {1, 0, 1, 1, 1, 0}, 2), 1.0 / 6.0);
}

TEST(ExpectedCalibrationError, IsMissingWithoutProbabilities) {
  EXPECT_TRUE(std::isnan(error_of({}, {}, 10)));
}

TEST(ExpectedCalibrationError, RefusesWhatIsNoProbability) {
  EXPECT_THROW(error_of({1.5}, {1}, 10), SystemError);
  EXPECT_THROW(error_of({-0.5}, {1}, 10), SystemError);
  EXPECT_THROW(error_of({NAN}, {1}, 10), SystemError);
  EXPECT_THROW(error_of({0.5}, {1}, 0), SystemError);
  EXPECT_THROW(error_of({0.5}, {1, 0}, 10), SystemError);
}

}  // namespace
}  // namespace saesweep::metrics
