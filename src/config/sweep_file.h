#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "sweep/options.h"

namespace saesweep::config {

//! Reads and checks a sweep file. `overrides` are `table.key=value` with a TOML value, or a bare word taken as a
//! string; they replace what the file says before it is checked. Throws ConfigError naming file and line, key,
//! what was found and what is allowed; InputError where the file cannot be read.
sweep::SweepOptions read_sweep(const std::filesystem::path& path, const std::vector<std::string>& overrides = {});

//! The same from text; `source` stands for the file in messages.
sweep::SweepOptions parse_sweep(const std::string& text, const std::string& source,
                                const std::vector<std::string>& overrides = {});

}  // namespace saesweep::config
