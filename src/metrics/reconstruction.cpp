#include "metrics/reconstruction.h"

#include <limits>

namespace saesweep::metrics {

namespace {
constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();
}

double total_variance(std::span<const double> sum, std::span<const double> square, int64_t n) {
  if (n == 0) return kMissing;
  double total = 0;
  for (size_t i = 0; i < sum.size(); ++i) total += square[i] - sum[i] * sum[i] / static_cast<double>(n);
  return total;
}

double explained_variance(double squared_error, double total_variance) {
  return total_variance > 0 ? 1.0 - squared_error / total_variance : kMissing;
}

}  // namespace saesweep::metrics
