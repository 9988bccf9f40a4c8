#pragma once

#include <string>
#include <vector>

namespace saesweep::app {

//! `saesweep export SAE_FOLDER --format saelens|sparsify -o FOLDER [--model NAME]`: an SAE of either form in the other.
//! Returns the exit code. Throws Error.
int export_command(const std::vector<std::string>& args);

}  // namespace saesweep::app
