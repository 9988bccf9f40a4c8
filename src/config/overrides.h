#pragma once

#include <toml++/toml.h>

#include <string>

namespace saesweep::config {

//! Puts `table.key=value` into a sweep's tables, in place of what stands there. The value is TOML; what is no
//! TOML and begins like a word or a path is a string. Throws ConfigError.
void apply_override(toml::table& root, const std::string& entry);

}  // namespace saesweep::config
