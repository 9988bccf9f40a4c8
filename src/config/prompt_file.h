#pragma once

#include <filesystem>
#include <string>

#include "autointerp/options.h"

namespace saesweep::config {

//! Reads and checks a prompt file (docs/prompts.md). task: "explanation", "fuzzing", "detection", "simulation" or
//! "simulation_prompt", which the file must be for. Throws ConfigError naming file and line, key, what was found and
//! what is expected; InputError where the file cannot be read.
autointerp::PromptTemplate read_prompt_file(const std::filesystem::path& path, const std::string& task);

//! The same from text; `source` stands for the file in messages.
autointerp::PromptTemplate parse_prompt(const std::string& text, const std::string& source, const std::string& task);

}  // namespace saesweep::config
