// Has an endpoint answer requests like those of fuzzing, and prints seconds, memory and counts as JSON.
//
//   timed_judge URL REQUESTS IN_FLIGHT [SECONDS]   (stops after so many seconds)
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "base/errors.h"
#include "judge/make_judge.h"

namespace {

using saesweep::judge::Work;

//! The most memory this program has held; getrusage would count what its parent held before exec, too.
int64_t peak_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (word != "VmHWM:") continue;
    int64_t kilobytes = 0;
    status >> kilobytes;
    return kilobytes * 1024;
  }
  return 0;
}

//! Prompts of about 2,500 characters, each another.
class Prompts : public Work {
 public:
  explicit Prompts(int64_t n) : n_(n) {}

  std::optional<Ask> next() override {
    if (n_asked_ == n_) return std::nullopt;
    saesweep::judge::Request request;
    request.max_tokens = 128;
    request.logprobs = true;
    request.messages = {{"system", std::string(1500, 's')},
                        {"user", fmt::format("Explanation {}: {}", n_asked_, std::string(1000, 'u'))}};
    return Ask{static_cast<uint64_t>(n_asked_++), std::move(request)};
  }
  void take(uint64_t, const saesweep::judge::Reply&) override { ++n_taken_; }
  void give_up(uint64_t, const std::string&) override { ++n_given_up_; }
  bool is_done() const override { return n_taken_ + n_given_up_ == n_; }

  int64_t n_taken() const { return n_taken_; }

 private:
  int64_t n_;
  int64_t n_asked_ = 0;
  int64_t n_taken_ = 0;
  int64_t n_given_up_ = 0;
};

//! A folder that goes when the program ends.
class Folder {
 public:
  Folder() : path_(std::filesystem::temp_directory_path() / fmt::format("timed_judge.{}", ::getpid())) {}
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    fmt::print(stderr, "usage: timed_judge URL REQUESTS IN_FLIGHT [SECONDS]\n");
    return 2;
  }
  saesweep::judge::JudgeOptions options;
  options.kind = "openai";
  options.base_urls = {argv[1]};
  options.model = "m";
  options.max_in_flight = std::atoll(argv[3]);
  const Folder folder;
  const auto judge = saesweep::judge::make_judge(
      options, {.cache_folder = folder.path(), .other_cache_folders = {}, .rank = 0, .n_ranks = 1, .log = {}});
  Prompts prompts(std::atoll(argv[2]));
  const int64_t before = peak_bytes();
  const auto start = std::chrono::steady_clock::now();
  std::jthread stopper;
  if (argc > 4) {
    stopper = std::jthread([&, seconds = std::atof(argv[4])](const std::stop_token& stop) {
      while (!stop.stop_requested() &&
             std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() < seconds) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
      }
      judge->stop();
    });
  }
  try {
    judge->answer(prompts);
  } catch (const saesweep::StoppedError& error) {
    if (argc <= 4) {
      fmt::print(stderr, "{}\n", error.what());
      return 3;
    }
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  fmt::print("{{\"answered\": {}, \"seconds\": {:.3f}, \"peak_mb\": {:.1f}, \"mb_before\": {:.1f}}}\n",
             prompts.n_taken(), seconds, static_cast<double>(peak_bytes()) / 1e6, static_cast<double>(before) / 1e6);
  return 0;
}
