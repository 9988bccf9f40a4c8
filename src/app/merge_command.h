#pragma once

#include <string>
#include <vector>

namespace saesweep::app {

//! `saesweep merge`, without the command's name; alone or under mpirun. Returns the exit code.
int merge_command(const std::vector<std::string>& args);

}  // namespace saesweep::app
