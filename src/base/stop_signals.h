#pragma once

#include <atomic>
#include <chrono>
#include <string>
#include <thread>

namespace saesweep {

//! Waits for SIGTERM, SIGUSR1 and SIGINT, which ask the program to stop where it can go on later. The first is noted;
//! a second one, later than a second after it, ends the process at once, with ExitCode::kStopped. To be made before any
//! other thread: these signals are blocked in its thread and in all that are started after it.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  bool is_set() const { return signal_.load(std::memory_order_relaxed) != 0; }
  //! "SIGTERM"; "" where none came.
  std::string name() const;
  //! Since the first one; 0 where none came.
  double seconds() const;

 private:
  void wait(const std::stop_token& stop);

  std::atomic<int> signal_ = 0;
  std::atomic<std::chrono::steady_clock::rep> since_ = 0;
  std::jthread thread_;
};

}  // namespace saesweep
