#pragma once

#include <toml++/toml.h>

#include <string>

namespace saesweep::config {

//! Marks the source of a value that was given on the command line.
inline constexpr const char* kOverride = "--set ";

//! TOML from the place named `source`. Throws ConfigError with line and column of a syntax error.
toml::table parse_toml(const std::string& text, const std::string& source);

//! Throws ConfigError for a key `table.key` of a file, at its line, or where it is not given at that of its table, or
//! of the file, `source`.
[[noreturn]] void refuse_key(const std::string& source, const toml::table& root, const std::string& key,
                             const std::string& problem);

//! `file:line`, or `--set table.key=value`.
std::string place_of(const toml::source_region& source);

}  // namespace saesweep::config
