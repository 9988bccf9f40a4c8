#pragma once

#include <string>
#include <vector>

namespace saesweep::app {

//! `saesweep activations`: writes a text's activations and logits as safetensors, for other tools and for checks.
//! args: what follows the command's name. Returns the exit code; throws ConfigError for arguments that cannot be used
//! and what text/ and model/ throw.
int activations_command(const std::vector<std::string>& args);

}  // namespace saesweep::app
