#include "app/toy_command.h"

#include <fmt/format.h>

#include <boost/program_options.hpp>
#include <cstdio>

#include "app/arguments.h"
#include "app/parallel_command.h"
#include "app/progress_option.h"
#include "app/toy_plan.h"
#include "app/version.h"
#include "base/errors.h"
#include "base/progress.h"
#include "base/stop_signals.h"
#include "config/toy_file.h"
#include "mpi/comm.h"
#include "sweep/toy_run.h"

namespace saesweep::app {

namespace {

namespace po = boost::program_options;

constexpr const char* kUsage =
    "Usage: saesweep toy SWEEP.toml [options]\n"
    "       mpirun -n N saesweep toy SWEEP.toml [options]\n\n"
    "Trains SAEs on inputs that are sums of known features, on a Gaussian control, or on an embedding matrix, and\n"
    "writes OUTPUT/results.h5. Started again on the same output it continues: what is done is kept.\n"
    "SIGTERM, SIGUSR1 and Ctrl-C stop it so that it can go on; a second one ends it at once.\n"
    "Exit codes: 0 done, 1 some cells failed, 2 bad input, 3 stopped early and resumable, 4 an internal error.\n";

po::options_description describe() {
  po::options_description options("Options");
  options.add_options()("set", po::value<std::vector<std::string>>()->composing()->value_name("TABLE.KEY=VALUE"),
                        "replaces a setting of the sweep file; may be given more than once");
  options.add_options()("plan", "prints SAEs, operations, predicted time and memory, and starts nothing");
  options.add_options()("keys", "prints the keys of a toy sweep's file with meaning and default, and nothing else");
  options.add_options()("resolved", "prints the sweep with every default filled in, and nothing else");
  options.add_options()("fresh", "moves the old output folder aside and starts anew");
  options.add_options()("retry-failed", "runs failed cells again");
  options.add_options()("wait", "waits while another run writes the output, instead of refusing");
  add_progress_option(options);
  return options;
}

void print_summary(const sweep::ToySummary& summary) {
  std::string line = fmt::format("{} of {} SAEs done", summary.n_done, summary.n_cells);
  if (summary.n_done_before > 0) line += fmt::format(" ({} by an earlier run)", summary.n_done_before);
  if (summary.n_failed > 0)
    line += fmt::format(", {} failed (/cells/failure tells why; --retry-failed runs them again)", summary.n_failed);
  fmt::print(stderr, "{}, in {}: {}\n", line, duration_text(summary.seconds), summary.results.string());
  if (!(summary.product_seconds > 0)) return;
  fmt::print(stderr,
             "thread time {:.1f} s, of it {:.1f} s in matrix products ({:.0f} GFLOP/s a thread): the run takes {:.2f} "
             "times its products\n",
             summary.thread_seconds, summary.product_seconds, summary.operations / summary.product_seconds / 1e9,
             summary.thread_seconds / summary.product_seconds);
}

int run(const po::variables_map& given, const toy::ToyOptions& options, const StopSignals& signals,
        const mpi::Comm& world) {
  const sweep::RunSettings settings{.fresh = given.contains("fresh"),
                                    .retry_failed = given.contains("retry-failed"),
                                    .waits = given.contains("wait"),
                                    .progress = progress_mode(given),
                                    .version = version()};
  const sweep::ToySummary summary = sweep::run_toy(options, settings, signals, world);
  if (world.is_root()) print_summary(summary);
  const bool is_left = summary.n_done + summary.n_failed < summary.n_cells;
  if (is_left && !summary.stopped.empty()) throw StoppedError(summary.stopped);
  return static_cast<int>(summary.n_done == summary.n_cells ? ExitCode::kDone : ExitCode::kCellsFailed);
}

int run_or_print(const po::variables_map& given, const StopSignals& signals, const mpi::Comm& world) {
  if (given.contains("keys")) {
    if (world.is_root()) fmt::print("{}", config::list_toy_keys());
    return 0;
  }
  const toy::ToyOptions options =
      config::read_toy(required_argument("toy", given, "sweep", "sweep file"), overrides_of(given));
  if (given.contains("resolved") || given.contains("plan")) {
    if (world.is_root()) fmt::print("{}", given.contains("plan") ? toy_plan(options) : options.resolved);
    return 0;
  }
  return run(given, options, signals, world);
}

}  // namespace

int toy_command(const std::vector<std::string>& args) {
  return parallel_command("toy", kUsage, args, describe(), run_or_print);
}

}  // namespace saesweep::app
