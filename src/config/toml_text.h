#pragma once

#include <toml++/toml.h>

#include <string>

namespace saesweep::config {

//! Marks the source of a value that was given on the command line.
inline constexpr const char* kOverride = "--set ";

//! TOML from the place named `source`. Throws ConfigError with line and column of a syntax error.
toml::table parse_toml(const std::string& text, const std::string& source);

//! `file:line`, or `--set table.key=value`.
std::string place_of(const toml::source_region& source);

}  // namespace saesweep::config
