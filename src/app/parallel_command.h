#pragma once

#include <boost/program_options.hpp>
#include <functional>
#include <string>
#include <vector>

#include "base/stop_signals.h"
#include "mpi/comm.h"

namespace saesweep::app {

//! What a command of all ranks does; returns the exit code.
using ParallelWork = std::function<int(const boost::program_options::variables_map& given, const StopSignals& signals,
                                       const mpi::Comm& world)>;

//! Runs a command of all ranks that takes a sweep file: MPI starts and ends here, --help is answered, and an error,
//! which is thrown on all ranks alike, is told by one of them. Returns the exit code.
int parallel_command(const std::string& name, const std::string& usage, const std::vector<std::string>& args,
                     const boost::program_options::options_description& options, const ParallelWork& work);

}  // namespace saesweep::app
