#pragma once

#include <string>
#include <vector>

namespace saesweep::app {

//! `saesweep tokenize`: writes a token store of text files, or prints the ids of files or of the lines of standard
//! input. args: what follows the command's name. Returns the exit code; throws ConfigError for arguments that cannot
//! be used and what text/ throws.
int tokenize_command(const std::vector<std::string>& args);

}  // namespace saesweep::app
