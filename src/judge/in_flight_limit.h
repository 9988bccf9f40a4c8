#pragma once

#include <cstdint>

namespace saesweep::judge {

//! A rank's share of n things: n / n_ranks, the remainder to low ranks.
int64_t share_of(int64_t n, int rank, int n_ranks);

//! How many requests may be in flight: grows by one for each round of good replies and falls by a quarter when the
//! endpoint is overloaded, once for all requests that were sent before it fell (AIMD, as TCP does: Chiu and Jain 1989).
//! Times in seconds of one clock.
class InFlightLimit {
 public:
  //! Begins at most, which is at least 1. A reply that takes longer than slow_seconds is a sign of overload: a server
  //! that batches answers the slower the more it holds, and gains by it until requests time out.
  InFlightLimit(int64_t most, double slow_seconds);

  int64_t slots() const { return static_cast<int64_t>(limit_); }
  void on_reply(double sent, double now);
  void on_overload(double sent, double now);

 private:
  double most_;
  double slow_seconds_;
  double limit_;
  double fell_;
};

}  // namespace saesweep::judge
