// Makes the shards of an array job and merges them; prints the merge's time, its memory, and what copying as many
// bytes takes beside it.
//
//   merge [CELLS [SHARDS [LATENTS [EXAMPLES]]]] [FOLDER]      (10000 100 100 0, out/bench-merge)
#include "results/merge.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "base/stopwatch.h"
#include "mpi/comm.h"
#include "mpi/environment.h"
#include "results/writer.h"

namespace {

using namespace saesweep;
namespace fs = std::filesystem;

struct Size {
  uint64_t n_cells = 10'000;
  uint64_t n_shards = 100;
  uint64_t n_latents = 100;
  uint64_t n_examples = 0;
};

results::CellRow row_of(uint64_t cell) {
  const std::string number = std::to_string(cell);
  results::CellRow row;
  row.id = "train-" + number;
  row.evaluate_id = "evaluate-" + number;
  row.score_id = "score-" + number;
  row.model = "pythia-70m";
  row.variant = "trained";
  row.hookpoint = "layers.3";
  row.architecture = "topk";
  return row;
}

results::Shape shape_of(const Size& size) {
  return {.n_all_latents = 32'768 / 64,
          .n_curve_points = 100,
          .n_latents = size.n_latents,
          .n_null_latents = size.n_latents / 5,
          .n_predictions = 100,
          .n_examples = size.n_examples,
          .n_window = 32,
          .n_grid = size.n_cells};
}

//! Every `n_shards`-th cell, as an array whose shards have whole groups would not have it: the hardest order to copy.
fs::path make_shard(const fs::path& folder, uint64_t shard, const Size& size,
                    const std::vector<results::GridEntry>& grid, const mpi::Comm& world) {
  std::vector<results::CellRow> rows;
  for (uint64_t cell = shard; cell < size.n_cells; cell += size.n_shards) rows.push_back(row_of(cell));
  results::Shape shape = shape_of(size);
  shape.n_cells = rows.size();
  results::RootInfo info;
  info.sweep_name = "bench";
  const fs::path path = folder / fmt::format("{}-of-{}.h5", shard, size.n_shards);
  auto writer = results::ResultsWriter::create(path, world, shape, rows, info, {}, grid);
  for (uint64_t row = 0; row < rows.size(); ++row) {
    writer.write(row, "explained_variance", static_cast<double>(row));
    writer.set_state(row, results::State::kStarted);
  }
  // One row at a time would wait for the disk each time.
  for (uint64_t row = 0; row < rows.size(); ++row) writer.write(row, "stage", static_cast<int64_t>(4));
  for (uint64_t row = 0; row < rows.size(); ++row) writer.write(row, "state", static_cast<int64_t>(2));
  writer.close();
  return path;
}

double copy_seconds(const fs::path& from, const fs::path& to) {
  const Stopwatch watch;
  fs::copy_file(from, to, fs::copy_options::overwrite_existing);
  return watch.seconds();
}

//! Of this process, the making of the shards included.
double peak_megabytes() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024 / 1e6;
}

void run(const Size& size, const fs::path& folder) {
  const mpi::Comm world = mpi::Comm::world();
  fs::create_directories(folder);
  std::vector<results::GridEntry> grid;
  for (uint64_t cell = 0; cell < size.n_cells; ++cell) {
    const results::CellRow row = row_of(cell);
    grid.push_back({row.id, row.evaluate_id, row.score_id, "settings of " + row.id});
  }
  std::vector<fs::path> shards;
  for (uint64_t shard = 0; shard < size.n_shards; ++shard)
    shards.push_back(make_shard(folder, shard, size, grid, world));
  const fs::path merged = folder / "merged.h5";
  fs::remove(merged);
  const Stopwatch watch;
  const results::MergeSummary summary = results::merge_results(merged, shards, world);
  const double seconds = watch.seconds();
  const auto megabytes = static_cast<double>(fs::file_size(merged)) / 1e6;
  const double copied = copy_seconds(merged, folder / "copy.h5");
  fmt::print(
      "{} of {} cells from {} shards, {:.0f} MB: merged in {:.1f} s ({:.0f} MB/s); a copy of the file {:.1f} s; "
      "peak memory {:.0f} MB\n",
      summary.n_done, summary.n_cells, size.n_shards, megabytes, seconds, megabytes / seconds, copied,
      peak_megabytes());
  fs::remove_all(folder);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && argv[1][0] == '-') {
    fmt::print(stderr, "merge [CELLS [SHARDS [LATENTS [EXAMPLES]]]] [FOLDER]; makes some gigabytes there\n");
    return 2;
  }
  Size size;
  fs::path folder = "out/bench-merge";
  std::vector<uint64_t*> numbers = {&size.n_cells, &size.n_shards, &size.n_latents, &size.n_examples};
  for (int i = 1, n = 0; i < argc; ++i) {
    if (std::isdigit(static_cast<unsigned char>(argv[i][0])) != 0 && n < 4) {
      *numbers[n++] = std::strtoull(argv[i], nullptr, 10);
    } else {
      folder = argv[i];
    }
  }
  const mpi::Environment environment(argc, argv);
  run(size, folder);
}
