#include "app/merge_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <span>

#include "app/arguments.h"
#include "base/errors.h"
#include "base/files.h"
#include "base/lease.h"
#include "mpi/comm.h"
#include "mpi/environment.h"
#include "results/agree.h"
#include "results/merge.h"

namespace saesweep::app {

namespace {

namespace fs = std::filesystem;
namespace po = boost::program_options;

constexpr const char* kUsage =
    "Usage: saesweep merge OUT.h5 SHARD.h5...\n"
    "       saesweep merge OUTPUT/results.h5 OUTPUT/shards/*/results.h5\n\n"
    "Joins the results of an array job's shards (files, or their folders) in one file, a row a cell; a cell done\n"
    "twice is taken once. What OUT.h5 holds already is kept. Files of different sweeps are refused. Shards may still\n"
    "run: what they have done by then is taken, and a later merge takes the rest. Cells that are missing are listed\n"
    "on stderr.\n"
    "Exit codes: 0 all cells done, 1 some failed, 2 bad input, 3 some are missing.\n";

//! More cells than these are counted, not listed.
constexpr size_t kListed = 1000;

void print_list(const char* what, std::span<const std::string> cells) {
  if (cells.empty()) return;
  fmt::print(stderr, "{} cells {}:\n", cells.size(), what);
  for (const std::string& cell : cells.first(std::min(kListed, cells.size()))) fmt::print(stderr, "  {}\n", cell);
  if (cells.size() > kListed) fmt::print(stderr, "  and {} more\n", cells.size() - kListed);
}

ExitCode code_of(const results::MergeSummary& summary) {
  if (!summary.missing.empty()) return ExitCode::kStopped;
  return summary.failed.empty() ? ExitCode::kDone : ExitCode::kCellsFailed;
}

int merge(const po::variables_map& given, const mpi::Comm& world) {
  const fs::path merged = required_argument("merge", given, "merged", "OUT.h5");
  if (!given.contains("shards")) throw ConfigError("saesweep merge", "no SHARD.h5 given; see saesweep merge --help");
  const auto names = given["shards"].as<std::vector<std::string>>();
  std::vector<fs::path> shards(names.begin(), names.end());
  for (fs::path& shard : shards) {
    if (fs::is_directory(shard)) shard /= "results.h5";
  }
  std::optional<Lease> lease;  // nobody else writes or replaces the merged file meanwhile
  results::agree(world, [&] {
    const fs::path folder = fs::absolute(merged).parent_path();
    if (!world.is_root()) return;
    make_writable_folder(folder);
    lease.emplace(folder);
  });
  const results::MergeSummary summary = results::merge_results(merged, shards, world);
  if (world.is_root()) {
    print_list("missing: not in these files, or not done in them", summary.missing);
    print_list("failed", summary.failed);
    fmt::print("{}: {} of {} cells done\n", merged.string(), summary.n_done, summary.n_cells);
  }
  return static_cast<int>(code_of(summary));
}

}  // namespace

int merge_command(const std::vector<std::string>& args) {
  int argc = 0;
  char** argv = nullptr;
  const mpi::Environment environment(argc, argv);
  const mpi::Comm world = mpi::Comm::world();
  try {
    const po::variables_map given = parse_arguments("merge", args, {}, "merged", "shards");
    if (!given.contains("help")) return merge(given, world);
    if (world.is_root()) fmt::print("{}", kUsage);
    return static_cast<int>(ExitCode::kDone);
  } catch (const Error& error) {
    // Thrown on all ranks alike: one of them tells.
    if (world.is_root()) fmt::print(stderr, "saesweep: error: {}\n", error.what());
    return static_cast<int>(error.exit_code());
  }
}

}  // namespace saesweep::app
