#include "base/stop_signals.h"

#include <pthread.h>

#include <csignal>
#include <cstdlib>
#include <ctime>

#include "base/errors.h"

namespace saesweep {

namespace {

constexpr long kPollNanoseconds = 50'000'000;
//! A terminal, mpirun and wrappers around it may each pass on the same wish to stop.
constexpr double kSameStopSeconds = 1;

sigset_t stopping_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGUSR1, SIGINT}) sigaddset(&set, signal);
  return set;
}

}  // namespace

StopSignals::StopSignals() {
  const sigset_t set = stopping_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  thread_ = std::jthread([this](const std::stop_token& stop) { wait(stop); });
}

StopSignals::~StopSignals() = default;

void StopSignals::wait(const std::stop_token& stop) {
  const sigset_t set = stopping_signals();
  const std::timespec pause{.tv_sec = 0, .tv_nsec = kPollNanoseconds};
  while (!stop.stop_requested()) {
    const int signal = sigtimedwait(&set, nullptr, &pause);
    if (signal <= 0) continue;
    if (is_set() && seconds() < kSameStopSeconds) continue;
    if (is_set()) std::_Exit(static_cast<int>(ExitCode::kStopped));
    since_ = std::chrono::steady_clock::now().time_since_epoch().count();
    signal_ = signal;
  }
}

std::string StopSignals::name() const {
  const int signal = signal_;
  return signal == 0 ? "" : signal == SIGTERM ? "SIGTERM" : signal == SIGUSR1 ? "SIGUSR1" : "SIGINT";
}

double StopSignals::seconds() const {
  if (!is_set()) return 0;
  const std::chrono::steady_clock::duration since(since_.load());
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch() - since).count();
}

}  // namespace saesweep
