#pragma once

#include <string>
#include <vector>

namespace saesweep::app {

//! Runs the program's arguments (without its name): finds the command and calls it. An exception becomes one line
//! on stderr. Returns the exit code (docs/design.md).
int run_program(const std::vector<std::string>& args);

}  // namespace saesweep::app
