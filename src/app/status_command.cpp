#include "app/status_command.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <optional>
#include <thread>

#include "app/arguments.h"
#include "app/status_text.h"
#include "base/errors.h"
#include "base/stop_signals.h"
#include "base/stopwatch.h"

namespace saesweep::app {

namespace po = boost::program_options;

namespace {

constexpr const char* kUsage =
    "Usage: saesweep status OUTPUT [options]\n\n"
    "Prints how far a run is, also while it writes: cells by state, who runs, rates, time left, what each rank is at,\n"
    "the judge, slow units, failures. OUTPUT: the sweep's output folder (with all shards), the folder of one shard, "
    "or\n"
    "a file of results.\n";

constexpr double kWatchSeconds = 5;
constexpr auto kLookEvery = std::chrono::milliseconds(100);

po::options_description describe() {
  po::options_description options("Options");
  options.add_options()("watch", po::value<double>()->implicit_value(kWatchSeconds)->value_name("SECONDS"),
                        "prints it anew every so many seconds (5), until nothing runs any more or Ctrl-C")(
      "json", "prints one JSON object on a line, for scripts; what is unknown is null");
  return options;
}

bool is_number(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789.") == std::string::npos;
}

//! "--watch 5" as "--watch=5": an option whose value may be left out takes it in that form alone.
std::vector<std::string> joined(const std::vector<std::string>& args) {
  std::vector<std::string> all;
  for (const std::string& arg : args) {
    if (!all.empty() && all.back() == "--watch" && is_number(arg)) {
      all.back() += "=" + arg;
    } else {
      all.push_back(arg);
    }
  }
  return all;
}

//! As many lines as a terminal has, the last one telling how many were left out.
std::string fitted(const std::string& text, size_t n_lines) {
  const auto n = static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
  if (n < n_lines || n_lines < 3) return text;
  size_t end = 0;
  for (size_t line = 0; line + 2 < n_lines; ++line) end = text.find('\n', end) + 1;
  return text.substr(0, end) + fmt::format("... and {} more lines\n", n - (n_lines - 2));
}

size_t terminal_lines() {
  winsize size{};
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_row : 0;
}

std::string time_line() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[sizeof "2026-01-31 12:00:00 UTC"];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &parts);
  return std::string(text) + "\n";
}

//! Redraws in place on a terminal; elsewhere a block follows the other.
void show(const SweepStatus& status, bool is_json, bool is_last) {
  if (is_json) {
    fmt::print("{}\n", status_json(status).dump(-1, ' ', false, Json::error_handler_t::replace));
  } else if (::isatty(STDOUT_FILENO) == 1) {
    const std::string text = time_line() + status_text(status);
    // Each line is overwritten and its rest cleared, which does not flicker as clearing the screen would.
    std::string lines;
    for (const char c : is_last ? text : fitted(text, terminal_lines()))
      lines += c == '\n' ? "\033[K\n" : std::string(1, c);
    fmt::print("\033[H{}\033[J", lines);
  } else {
    fmt::print("{}{}{}", time_line(), status_text(status), is_last ? "" : "\n");
  }
  std::fflush(stdout);
}

//! Until nothing runs any more, or a signal.
void watch(const std::string& output, double seconds, bool is_json) {
  const StopSignals signals;
  const bool clears = !is_json && ::isatty(STDOUT_FILENO) == 1;
  if (clears) fmt::print("\033[2J");
  while (!signals.is_set()) {
    const SweepStatus status = read_status(output);
    show(status, is_json, !status.is_running());
    if (!status.is_running()) return;
    for (const Stopwatch watch; watch.seconds() < seconds && !signals.is_set();)
      std::this_thread::sleep_for(kLookEvery);
  }
}

std::optional<double> watch_seconds(const po::variables_map& given) {
  if (!given.contains("watch")) return std::nullopt;
  const double seconds = given["watch"].as<double>();
  if (seconds >= 0.1 && seconds <= 86400) return seconds;
  throw ConfigError("saesweep status", fmt::format("--watch: found {}, expected 0.1 to 86400 seconds", seconds));
}

}  // namespace

int status_command(const std::vector<std::string>& args) {
  const auto options = describe();
  const auto given = parse_arguments("status", joined(args), options, "output");
  if (given.contains("help")) {
    fmt::print("{}", help_text(kUsage, options));
    return 0;
  }
  const auto output = required_argument("status", given, "output", "output folder");
  const bool is_json = given.contains("json");
  if (const auto seconds = watch_seconds(given)) {
    watch(output, *seconds, is_json);
  } else if (is_json) {
    show(read_status(output), is_json, true);
  } else {
    fmt::print("{}", status_text(read_status(output)));
  }
  return 0;
}

}  // namespace saesweep::app
