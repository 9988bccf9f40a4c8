#include "metrics/token_entropy.h"

#include <cmath>
#include <map>

#include "base/errors.h"
#include "metrics/lengths.h"

namespace saesweep::metrics {

TokenEntropy token_entropy(std::span<const uint32_t> ids, std::span<const float> activations) {
  check_lengths("token_entropy", ids.size(), activations.size());
  TokenEntropy result;
  std::map<uint32_t, double> mass;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (!std::isfinite(activations[i])) throw SystemError("token_entropy: an activation is not finite");
    if (activations[i] <= 0) continue;
    mass[ids[i]] += activations[i];
    ++result.n_active;
  }
  if (result.n_active == 0) return result;
  result.n_distinct = static_cast<int64_t>(mass.size());
  double total = 0;
  for (const auto& [id, activation] : mass) total += activation;
  result.entropy = 0;
  for (const auto& [id, activation] : mass) result.entropy -= activation / total * std::log(activation / total);
  result.miller_madow = result.entropy + static_cast<double>(result.n_distinct - 1) / (2.0 * result.n_active);
  return result;
}

}  // namespace saesweep::metrics
