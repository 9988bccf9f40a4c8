#include "judge/circuit_breaker.h"

#include <algorithm>
#include <cmath>

namespace saesweep::judge {

namespace {
constexpr double kFirstProbe = 0.1;
constexpr double kMostBetweenProbes = 10;
}  // namespace

bool CircuitBreaker::may_send(double now) const {
  return !is_down() || (!is_probing_ && now >= probe_time_);
}

void CircuitBreaker::on_sent() {
  if (is_down()) is_probing_ = true;
}

void CircuitBreaker::on_answer() {
  *this = {};
}

void CircuitBreaker::on_fault(double now) {
  const bool was_down = is_down();
  ++n_faults_;
  if (!is_down() || (was_down && !is_probing_)) return;  // requests sent before it went down fail without weight
  is_probing_ = false;
  probe_time_ = now + std::min(kMostBetweenProbes, std::ldexp(kFirstProbe, std::min(n_probes_++, 16)));
}

void CircuitBreaker::trip(double now) {
  n_faults_ = std::max(n_faults_, kFaultsThatTrip - 1);
  is_probing_ = true;
  on_fault(now);
}

}  // namespace saesweep::judge
