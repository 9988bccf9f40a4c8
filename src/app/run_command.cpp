#include "app/run_command.h"

#include <fmt/format.h>

#include <boost/program_options.hpp>
#include <cstdio>

#include "app/arguments.h"
#include "app/parallel_command.h"
#include "app/progress_option.h"
#include "app/version.h"
#include "base/errors.h"
#include "base/progress.h"
#include "base/stop_signals.h"
#include "config/sweep_file.h"
#include "mpi/comm.h"
#include "sweep/output_folders.h"
#include "sweep/run.h"

namespace saesweep::app {

namespace {

namespace po = boost::program_options;

constexpr const char* kUsage =
    "Usage: saesweep run SWEEP.toml [options]\n"
    "       mpirun -n N saesweep run SWEEP.toml [options]\n\n"
    "Trains and evaluates every cell of the sweep and writes OUTPUT/results.h5 and OUTPUT/saes/.\n"
    "Started again on the same output it continues: cells that are done are kept, half-trained ones go on.\n"
    "SIGTERM, SIGUSR1 and Ctrl-C stop it so that it can go on; a second one ends it at once. Under mpirun send it\n"
    "SIGUSR1: after Ctrl-C or SIGTERM mpirun leaves its ranks a second, and returns 1 whatever they say.\n"
    "Exit codes: 0 done, 1 some cells failed, 2 bad input, 3 stopped early and resumable, 4 an internal error.\n";

po::options_description describe() {
  po::options_description options("Options");
  options.add_options()("set", po::value<std::vector<std::string>>()->composing()->value_name("TABLE.KEY=VALUE"),
                        "replaces a setting of the sweep file; may be given more than once");
  options.add_options()("fresh", "moves the old output folder aside and starts anew");
  options.add_options()("retry-failed", "runs failed cells again");
  options.add_options()(
      "shard", po::value<std::string>()->value_name("I/N"),
      "runs part I, from 0, of N parts of the sweep, in OUTPUT/shards/I-of-N (saesweep merge joins them)");
  options.add_options()("wait", "waits while another run writes the output, instead of refusing");
  add_progress_option(options);
  return options;
}

sweep::RunSettings settings_of(const po::variables_map& given) {
  const sweep::Shard shard =
      given.contains("shard") ? sweep::parse_shard(given["shard"].as<std::string>()) : sweep::Shard{};
  if (given.contains("fresh") && !shard.is_whole()) {
    throw ConfigError("--fresh",
                      "cannot be given with --shard, whose jobs share one output; move the output folder aside "
                      "before the first of them starts");
  }
  return {.fresh = given.contains("fresh"),
          .retry_failed = given.contains("retry-failed"),
          .waits = given.contains("wait"),
          .shard = shard,
          .progress = progress_mode(given),
          .version = version()};
}

void print_summary(const sweep::RunSummary& summary) {
  std::string line = fmt::format("{} of {} cells done", summary.n_done, summary.n_cells);
  if (summary.n_done_before > 0) line += fmt::format(" ({} by an earlier run)", summary.n_done_before);
  if (summary.n_failed > 0)
    line += fmt::format(", {} failed (saesweep status tells why; --retry-failed runs them again)", summary.n_failed);
  fmt::print(stderr, "{}, in {}: {}\n", line, duration_text(summary.seconds), summary.results.string());
  const bool has_done_some = summary.n_done > summary.n_done_before;
  if (summary.stopped.empty() && has_done_some) fmt::print(stderr, "{}", summary.prediction.text());
}

int run_all(const po::variables_map& given, const StopSignals& signals, const mpi::Comm& world) {
  const std::string path = required_argument("run", given, "sweep", "sweep file");
  const sweep::RunSettings settings = settings_of(given);
  const sweep::SweepOptions options = config::read_sweep(path, overrides_of(given));
  const sweep::RunSummary summary = sweep::run_sweep(options, settings, signals, world);
  if (world.is_root()) print_summary(summary);
  const bool is_left = summary.n_done + summary.n_failed < summary.n_cells;
  if (is_left && !summary.stopped.empty()) throw Error(summary.stopped_code, summary.stopped);
  return static_cast<int>(summary.n_done == summary.n_cells ? ExitCode::kDone : ExitCode::kCellsFailed);
}

}  // namespace

int run_command(const std::vector<std::string>& args) {
  return parallel_command("run", kUsage, args, describe(), run_all);
}

}  // namespace saesweep::app
