#include "metrics/sparsity.h"

#include <cmath>
#include <limits>

namespace saesweep::metrics {

namespace {
constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();
}

double l1_over_root_l2(const MeanNorms& norms) {
  return norms.l2 > 0 ? norms.l1 / std::sqrt(norms.l2) : kMissing;
}

double hoyer_sparsity(const MeanNorms& norms, int64_t n_latents) {
  const double root = std::sqrt(static_cast<double>(n_latents));
  return norms.l2 > 0 && n_latents > 1 ? (root - norms.l1 / norms.l2) / (root - 1.0) : kMissing;
}

}  // namespace saesweep::metrics
