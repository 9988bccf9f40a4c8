#include "app/run_command.h"

#include <fmt/ostream.h>

#include <boost/program_options.hpp>
#include <cstdio>

#include "base/errors.h"
#include "base/progress.h"
#include "config/sweep_file.h"
#include "mpi/comm.h"
#include "mpi/environment.h"
#include "sweep/run.h"

namespace saesweep::app {

namespace {

namespace po = boost::program_options;

constexpr const char* kUsage =
    "Usage: saesweep run SWEEP.toml [options]\n"
    "       mpirun -n N saesweep run SWEEP.toml [options]\n\n"
    "Trains and evaluates every cell of the sweep and writes OUTPUT/results.h5 and OUTPUT/saes/.\n"
    "Started again on the same output it continues: cells that are done are kept.\n"
    "Exit codes: 0 done, 1 some cells failed, 2 bad input, 3 stopped early and resumable, 4 an internal error.\n";

struct Arguments {
  std::string sweep;
  std::vector<std::string> overrides;
  sweep::RunSettings settings;
  bool help = false;
  std::string options_text;
};

ProgressLine::Mode mode_of(const std::string& name) {
  if (name == "auto") return ProgressLine::detect();
  if (name == "line") return ProgressLine::Mode::kTerminal;
  if (name == "plain") return ProgressLine::Mode::kPlain;
  if (name == "none") return ProgressLine::Mode::kNone;
  throw ConfigError("--progress", fmt::format("'{}' is not known; allowed are auto, line, plain or none", name));
}

Arguments parse(const std::vector<std::string>& args) {
  Arguments arguments;
  std::string progress;
  po::options_description visible("Options");
  visible.add_options()("help,h", "this text")(
      "set", po::value(&arguments.overrides)->composing()->value_name("TABLE.KEY=VALUE"),
      "replaces a setting of the sweep file; may be given more than once")(
      "fresh", po::bool_switch(&arguments.settings.fresh), "moves the old output folder aside and starts anew")(
      "retry-failed", po::bool_switch(&arguments.settings.retry_failed), "runs failed cells again")(
      "progress", po::value(&progress)->default_value("auto")->value_name("MODE"),
      "line (redrawn), plain (for logs), none, or auto");
  po::options_description all;
  all.add(visible).add_options()("sweep", po::value(&arguments.sweep));
  po::positional_options_description positional;
  positional.add("sweep", 1);
  po::variables_map map;
  try {
    po::store(po::command_line_parser(args).options(all).positional(positional).run(), map);
    po::notify(map);
  } catch (const po::error& error) {
    throw ConfigError("saesweep run", fmt::format("{}; see saesweep run --help", error.what()));
  }
  arguments.help = map.contains("help");
  arguments.options_text = fmt::format("{}", fmt::streamed(visible));
  arguments.settings.progress = mode_of(progress);
  if (!arguments.help && arguments.sweep.empty()) {
    throw ConfigError("saesweep run", "no sweep file given; see saesweep run --help");
  }
  return arguments;
}

void print_summary(const sweep::RunSummary& summary) {
  std::string line = fmt::format("{} of {} cells done", summary.n_done, summary.n_cells);
  if (summary.n_done_before > 0) line += fmt::format(" ({} by an earlier run)", summary.n_done_before);
  if (summary.n_failed > 0) line += fmt::format(", {} failed (saesweep status tells why)", summary.n_failed);
  fmt::print(stderr, "{}, in {}: {}\n", line, duration_text(summary.seconds), summary.results.string());
}

}  // namespace

int run_command(const std::vector<std::string>& args) {
  const Arguments arguments = parse(args);
  if (arguments.help) {
    fmt::print("{}\n{}", kUsage, arguments.options_text);
    return static_cast<int>(ExitCode::kDone);
  }
  int argc = 0;
  char** argv = nullptr;
  const mpi::Environment environment(argc, argv);
  const mpi::Comm world = mpi::Comm::world();
  try {
    const sweep::SweepOptions options = config::read_sweep(arguments.sweep, arguments.overrides);
    const sweep::RunSummary summary = sweep::run_sweep(options, arguments.settings, world);
    if (world.is_root()) print_summary(summary);
    return static_cast<int>(summary.n_done == summary.n_cells ? ExitCode::kDone : ExitCode::kCellsFailed);
  } catch (const Error& error) {
    // Thrown on all ranks alike: one of them tells.
    if (world.is_root()) fmt::print(stderr, "saesweep: error: {}\n", error.what());
    return static_cast<int>(error.exit_code());
  }
}

}  // namespace saesweep::app
