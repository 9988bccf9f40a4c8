#pragma once

#include <fmt/format.h>
#include <toml++/toml.h>

#include <functional>
#include <string>
#include <vector>

#include "config/value.h"
#include "sweep/options.h"

namespace saesweep::config {

//! A key of a sweep file, described once: reading, checks, suggestions, the resolved sweep and the list of keys
//! all follow from it. Options: what the file is read into.
template <typename Options>
struct KeyOf {
  std::string name;
  std::string meaning;
  std::string expects;
  bool required = false;
  //! Puts a node's value into the options. Throws BadValue.
  std::function<void(const toml::node&, Options&)> read;
  //! The options' value as TOML.
  std::function<std::string(const Options&)> write;
  //! Puts the default where it is not the options' own.
  std::function<void(Options&)> fill = [](Options&) {};
};

template <typename Options>
struct TableOf {
  std::string name;
  std::vector<KeyOf<Options>> keys;
};

using Key = KeyOf<sweep::SweepOptions>;
using Table = TableOf<sweep::SweepOptions>;

//! The tables of a sweep file.
std::vector<Table> tables();

//! The keys with meaning, allowed values and default, for people to read.
std::string list_keys();

//! The same of any tables.
template <typename Options>
std::string list_keys(const std::vector<TableOf<Options>>& all) {
  Options defaults;
  for (const auto& table : all) {
    for (const auto& key : table.keys) key.fill(defaults);
  }
  std::string text;
  for (const auto& table : all) {
    text += fmt::format("[{}]\n", table.name);
    for (const auto& key : table.keys) {
      const auto fallback = key.required ? "required" : "default " + key.write(defaults);
      text += fmt::format("  {}: {}\n      {}; {}\n", key.name, key.meaning, key.expects, fallback);
    }
  }
  return text;
}

}  // namespace saesweep::config
