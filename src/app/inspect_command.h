#pragma once

#include <string>
#include <vector>

namespace saesweep::app {

//! `saesweep inspect PATH`: prints what a checkpoint, an SAE, a results file or a token store holds. Returns the exit
//! code. Throws InputError for arguments and files that cannot be used.
int inspect_command(const std::vector<std::string>& args);

}  // namespace saesweep::app
