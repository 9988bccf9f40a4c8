// results_writer FILE: writes a small results file with known numbers, each rank its rows.
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

}  // namespace

int main(int argc, char** argv) {
  const mpi::Environment environment(argc, argv);
  const mpi::Comm world = mpi::Comm::world();
  if (argc < 2) world.abort(2);
  try {
    write(world, argv[1], argc > 2 && std::string_view(argv[2]) == "forever");
    return 0;
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return static_cast<int>(error.exit_code());
  }
}
