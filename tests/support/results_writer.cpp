// results_writer FILE: writes a small results file with known numbers, each rank its rows.
// results_writer FILE again: makes a grown file of FILE over and over, saying "created" before, until killed.
// results_writer FILE forever: goes on rewriting the rows, saying "created" once the file is made, until killed.
#include <cstdio>
#include <string_view>
#include <vector>

#include "base/errors.h"
#include "mpi/comm.h"
#include "mpi/environment.h"
#include "results/writer.h"
#include "support/results_samples.h"

using namespace saesweep;

namespace {

void write(const mpi::Comm& world, const char* path, bool forever) {
  const results::Shape shape{23, 300, 5};
  auto writer =
      results::ResultsWriter::create(path, world, shape, test::sample_rows(shape.n_cells), test::sample_info());
  if (world.is_root()) {
    std::puts("created");
    std::fflush(stdout);
  }
  do {  // NOLINT(bugprone-infinite-loop): `forever` ends when the process is killed
    for (auto row = static_cast<uint64_t>(world.rank()); row < shape.n_cells;
         row += static_cast<uint64_t>(world.size())) {
      test::write_sample_cell(writer, row);
    }
  } while (forever);
  writer.close();
}

void write_again(const mpi::Comm& world, const char* path) {
  if (world.is_root()) {
    std::puts("created");
    std::fflush(stdout);
  }
  for (uint64_t n = 0;; ++n) {  // NOLINT(bugprone-infinite-loop): until the process is killed
    const results::Shape shape{23, 300 + n % 2 * 100, 5};
    const std::filesystem::path file(path);
    results::ResultsWriter::recreate(path, world, shape, test::sample_rows(shape.n_cells), test::sample_info(),
                                     results::Stage::kEvaluated, {}, {}, {&file, 1})
        .close();
  }
}

}  // namespace

int main(int argc, char** argv) {
  const mpi::Environment environment(argc, argv);
  const mpi::Comm world = mpi::Comm::world();
  if (argc < 2) world.abort(2);
  try {
    const std::string_view how = argc > 2 ? argv[2] : "once";
    if (how == "again") write_again(world, argv[1]);
    write(world, argv[1], how == "forever");
    return 0;
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return static_cast<int>(error.exit_code());
  }
}
