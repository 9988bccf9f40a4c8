#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "toy/options.h"

namespace saesweep::config {

//! Reads and checks a toy sweep's file, as read_sweep does a sweep's: `overrides` are `table.key=value`. Throws
//! ConfigError naming file and line, key, what was found and what is allowed; InputError where it cannot be read.
toy::ToyOptions read_toy(const std::filesystem::path& path, const std::vector<std::string>& overrides = {});

//! The same from text; `source` stands for the file in messages.
toy::ToyOptions parse_toy(const std::string& text, const std::string& source,
                          const std::vector<std::string>& overrides = {});

//! The keys with meaning, allowed values and default, for people to read.
std::string list_toy_keys();

}  // namespace saesweep::config
