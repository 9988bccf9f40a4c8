#pragma once

#include <string>
#include <vector>

namespace saesweep::app {

//! `saesweep run SWEEP`, under mpirun or alone. Returns the exit code; see `saesweep run --help`.
int run_command(const std::vector<std::string>& args);

}  // namespace saesweep::app
