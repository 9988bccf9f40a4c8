#include "judge/in_flight_limit.h"

#include <algorithm>
#include <limits>

namespace saesweep::judge {

namespace {
constexpr double kDecrease = 0.75;
}

int64_t share_of(int64_t n, int rank, int n_ranks) {
  return n / n_ranks + (rank < n % n_ranks ? 1 : 0);
}

InFlightLimit::InFlightLimit(int64_t most, double slow_seconds)
    : most_(static_cast<double>(std::max<int64_t>(most, 1))),
      slow_seconds_(slow_seconds),
      limit_(most_),
      fell_(-std::numeric_limits<double>::infinity()) {}

void InFlightLimit::on_reply(double sent, double now) {
  if (now - sent > slow_seconds_) {
    on_overload(sent, now);
  } else {
    limit_ = std::min(most_, limit_ + 1 / limit_);
  }
}

void InFlightLimit::on_overload(double sent, double now) {
  if (sent < fell_) return;
  limit_ = std::max(1.0, limit_ * kDecrease);
  fell_ = now;
}

}  // namespace saesweep::judge
