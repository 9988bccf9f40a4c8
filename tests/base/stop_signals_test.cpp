#include "base/stop_signals.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <thread>

namespace saesweep {
namespace {

//! Runs work in a process of its own and returns how it ended: its exit code, or 128 + the signal.
int ending_of(const std::function<int()>& work) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(work());
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void wait_until(const std::function<bool()>& holds) {
  for (int i = 0; i < 1000 && !holds(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
}

TEST(StopSignals, TheFirstIsNotedWhicheverThreadItMeets) {
  for (const auto& [signal, name] : {std::pair(SIGTERM, "SIGTERM"), {SIGUSR1, "SIGUSR1"}, {SIGINT, "SIGINT"}}) {
    EXPECT_EQ(ending_of([&, signal = signal, name = name] {
                const StopSignals signals;
                if (signals.is_set() || !signals.name().empty() || signals.seconds() != 0) return 1;
                std::thread([] { std::this_thread::sleep_for(std::chrono::milliseconds(20)); }).join();
                ::kill(::getpid(), signal);
                wait_until([&] { return signals.is_set(); });
                return signals.name() == name ? 0 : 2;
              }),
              0);
  }
}

TEST(StopSignals, ASecondOneEndsTheProcessAtOnce) {
  EXPECT_EQ(ending_of([] {
              const StopSignals signals;
              ::kill(::getpid(), SIGUSR1);
              wait_until([&] { return signals.seconds() > 1.1; });
              ::kill(::getpid(), SIGTERM);
              std::this_thread::sleep_for(std::chrono::seconds(20));
              return 0;
            }),
            3);
}

TEST(StopSignals, TheSameWishToStopPassedOnTwiceIsOne) {
  EXPECT_EQ(ending_of([] {
              const StopSignals signals;
              ::kill(::getpid(), SIGINT);
              wait_until([&] { return signals.is_set(); });
              ::kill(::getpid(), SIGTERM);
              std::this_thread::sleep_for(std::chrono::milliseconds(300));
              return signals.name() == "SIGINT" ? 0 : 1;
            }),
            0);
}

}  // namespace
}  // namespace saesweep
