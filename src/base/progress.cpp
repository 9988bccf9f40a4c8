#include "base/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

namespace saesweep {

namespace {

bool is_terminal_device(const std::filesystem::path& stream) {
  std::error_code failed;
  const std::string target = std::filesystem::read_symlink(stream, failed).string();
  return !failed && (target.starts_with("/dev/pts/") || target.starts_with("/dev/tty"));
}

}  // namespace

ProgressLine::Mode ProgressLine::detect() {
  const bool launched = std::getenv("OMPI_COMM_WORLD_SIZE") != nullptr || std::getenv("PMIX_RANK") != nullptr;
  const bool terminal =
      launched ? is_terminal_device(fmt::format("/proc/{}/fd/2", ::getppid())) : ::isatty(STDERR_FILENO) == 1;
  return terminal ? Mode::kTerminal : Mode::kPlain;
}

ProgressLine::~ProgressLine() {
  finish();
}

void ProgressLine::show(const std::string& text, bool now) {
  if (mode_ == Mode::kNone) return;
  const auto time = std::chrono::steady_clock::now();
  const auto wait = mode_ == Mode::kTerminal ? std::chrono::milliseconds(250) : std::chrono::seconds(10);
  if (!now && time - last_ < wait) return;
  last_ = time;
  shown_ = text;
  if (mode_ == Mode::kTerminal) {
    fmt::print(stderr, "\r\033[K{}", text);
  } else {
    fmt::print(stderr, "{}\n", text);
  }
  std::fflush(stderr);
}

void ProgressLine::note(const std::string& text) {
  if (mode_ == Mode::kTerminal) {
    fmt::print(stderr, "\r\033[K{}\n{}", text, shown_);
  } else {
    fmt::print(stderr, "{}\n", text);
  }
  std::fflush(stderr);
}

void ProgressLine::finish() {
  if (mode_ == Mode::kTerminal && !shown_.empty()) fmt::print(stderr, "\n");
  std::fflush(stderr);
  shown_.clear();
}

std::string duration_text(double seconds) {
  const auto s = static_cast<int64_t>(std::llround(std::max(0.0, seconds)));
  if (s < 60) return fmt::format("{} s", s);
  if (s < 3600) return fmt::format("{} min {:02} s", s / 60, s % 60);
  if (s < 86400) return fmt::format("{} h {:02} min", s / 3600, s % 3600 / 60);
  return fmt::format("{} d {} h", s / 86400, s % 86400 / 3600);
}

std::string bytes_text(uint64_t bytes) {
  constexpr std::array kUnits = {"B", "kB", "MB", "GB", "TB", "PB"};
  double number = static_cast<double>(bytes);
  size_t unit = 0;
  for (; number >= 999.5 && unit + 1 < kUnits.size(); ++unit) number /= 1000;
  return fmt::format("{:.{}f} {}", number, unit > 0 && number < 9.95 ? 1 : 0, kUnits[unit]);
}

}  // namespace saesweep
