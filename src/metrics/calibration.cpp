#include "metrics/calibration.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <vector>

#include "base/errors.h"
#include "metrics/lengths.h"

namespace saesweep::metrics {

namespace {

int64_t bin_of(double probability, int64_t n_bins) {
  if (!(probability >= 0 && probability <= 1)) {
    throw SystemError(
        fmt::format("expected_calibration_error: found {}, expected a probability from 0 to 1", probability));
  }
  const auto above = static_cast<int64_t>(std::ceil(probability * static_cast<double>(n_bins)));
  return above > 0 ? above - 1 : 0;
}

}  // namespace

double expected_calibration_error(std::span<const double> probabilities, std::span<const uint8_t> truths,
                                  int64_t n_bins) {
  check_lengths("expected_calibration_error", probabilities.size(), truths.size());
  if (n_bins < 1) throw SystemError(fmt::format("expected_calibration_error: {} bins, expected at least 1", n_bins));
  if (probabilities.empty()) return std::numeric_limits<double>::quiet_NaN();
  // The share weights cancel the means' denominators: what is left of a bin is a difference of sums.
  std::vector<double> excess(static_cast<size_t>(n_bins), 0.0);
  for (size_t i = 0; i < probabilities.size(); ++i) {
    excess[static_cast<size_t>(bin_of(probabilities[i], n_bins))] += probabilities[i] - (truths[i] != 0 ? 1.0 : 0.0);
  }
  double error = 0;
  for (const double one : excess) error += std::abs(one);
  return error / static_cast<double>(probabilities.size());
}

}  // namespace saesweep::metrics
