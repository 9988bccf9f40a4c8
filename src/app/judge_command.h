#pragma once

#include <string>
#include <vector>

namespace saesweep::app {

//! `saesweep judge`: serves the lexical judge over HTTP until it is interrupted. Returns the exit code.
int judge_command(const std::vector<std::string>& args);

}  // namespace saesweep::app
