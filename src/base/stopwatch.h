#pragma once

#include <chrono>

namespace saesweep {

//! Time since its making, and since its last lap.
class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }
  //! Seconds since the start or the last lap.
  double lap() {
    const double seconds_now = seconds();
    const double passed = seconds_now - lap_;
    lap_ = seconds_now;
    return passed;
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  double lap_ = 0;
};

}  // namespace saesweep
