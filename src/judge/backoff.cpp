#include "judge/backoff.h"

#include <algorithm>
#include <cmath>

namespace saesweep::judge {

double backoff_seconds(int n_faults, double uniform, std::optional<double> retry_after) {
  constexpr double kFirst = 0.25;
  constexpr double kMost = 15;
  const double most = std::min(kMost, std::ldexp(kFirst, std::min(n_faults, 16) - 1));
  const double seconds = most / 2 + uniform * most / 2;
  return retry_after ? *retry_after + std::min(seconds, kFirst) : seconds;
}

}  // namespace saesweep::judge
