#pragma once

#include <string>
#include <vector>

namespace saesweep::app {

//! `saesweep plan SWEEP`: prints what a run of the sweep would do and starts nothing. Returns the exit code. Throws
//! InputError for arguments and files that cannot be used.
int plan_command(const std::vector<std::string>& args);

}  // namespace saesweep::app
