#include "metrics/correlation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "metrics/lengths.h"

namespace saesweep::metrics {

namespace {

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

// The mean of equal numbers is rounded, so that a sum of squares around it need not be 0.
bool is_constant(std::span<const double> x) {
  return std::ranges::all_of(x, [&](double value) { return value == x.front(); });
}

double mean(std::span<const double> x) {
  return std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
}

}  // namespace

double pearson_correlation(std::span<const double> x, std::span<const double> y) {
  check_lengths("pearson_correlation", x.size(), y.size());
  if (is_constant(x) || is_constant(y)) return kMissing;
  const double mean_x = mean(x), mean_y = mean(y);
  double xx = 0, yy = 0, xy = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double dx = x[i] - mean_x, dy = y[i] - mean_y;
    xx += dx * dx;
    yy += dy * dy;
    xy += dx * dy;
  }
  const double spread = std::sqrt(xx) * std::sqrt(yy);
  return spread > 0 ? std::clamp(xy / spread, -1.0, 1.0) : kMissing;
}

}  // namespace saesweep::metrics
