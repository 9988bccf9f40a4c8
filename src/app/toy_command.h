#pragma once

#include <string>
#include <vector>

namespace saesweep::app {

//! saesweep toy: runs a toy sweep. Returns the exit code.
int toy_command(const std::vector<std::string>& args);

}  // namespace saesweep::app
