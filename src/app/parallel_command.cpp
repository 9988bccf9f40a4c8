#include "app/parallel_command.h"

#include <fmt/format.h>

#include <cstdio>

#include "app/arguments.h"
#include "base/errors.h"
#include "mpi/environment.h"

namespace saesweep::app {

namespace po = boost::program_options;

int parallel_command(const std::string& name, const std::string& usage, const std::vector<std::string>& args,
                     const po::options_description& options, const ParallelWork& work) {
  int argc = 0;
  char** argv = nullptr;
  const StopSignals signals;  // before MPI starts threads
  const mpi::Environment environment(argc, argv);
  const mpi::Comm world = mpi::Comm::world();
  try {
    const po::variables_map given = parse_arguments(name, args, options, "sweep");
    if (!given.contains("help")) return work(given, signals, world);
    if (world.is_root()) fmt::print("{}", help_text(usage, options));
    return static_cast<int>(ExitCode::kDone);
  } catch (const Error& error) {
    if (world.is_root()) fmt::print(stderr, "saesweep: error: {}\n", error.what());
    return static_cast<int>(error.exit_code());
  }
}

}  // namespace saesweep::app
