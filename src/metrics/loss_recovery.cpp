#include "metrics/loss_recovery.h"

#include <limits>

namespace saesweep::metrics {

namespace {
constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();
//! Nats a token that zeros at the hook must cost.
constexpr double kLeastDenominator = 0.1;
}  // namespace

double ce_loss_score(double ce_clean, double ce_sae, double ce_zero) {
  const double denominator = ce_zero - ce_clean;
  return denominator >= kLeastDenominator ? (ce_zero - ce_sae) / denominator : kMissing;
}

double kl_score(double kl_sae, double kl_zero) {
  return kl_zero > 0 ? 1.0 - kl_sae / kl_zero : kMissing;
}

}  // namespace saesweep::metrics
