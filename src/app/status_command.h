#pragma once

#include <string>
#include <vector>

namespace saesweep::app {

//! `saesweep status OUTPUT`: prints how far a run is, also while it writes. Returns the exit code. Throws InputError
//! for arguments and files that cannot be used.
int status_command(const std::vector<std::string>& args);

}  // namespace saesweep::app
