#pragma once

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/errors.h"
#include "base/suggest.h"
#include "config/key.h"
#include "config/toml_text.h"

namespace saesweep::config {

template <typename Named>
std::vector<std::string> names_of(const std::vector<Named>& all) {
  std::vector<std::string> names;
  for (const auto& one : all) names.push_back(one.name);
  return names;
}

//! A key that stands in another table is suggested before one that is merely spelt alike.
template <typename Options>
std::string suggest_key(const TableOf<Options>& table, const std::string& name,
                        const std::vector<TableOf<Options>>& all) {
  for (const auto& other : all) {
    const auto names = names_of(other.keys);
    if (std::ranges::find(names, name) != names.end()) return fmt::format("; did you mean {}.{}?", other.name, name);
  }
  return suggestion(name, names_of(table.keys));
}

//! The other kind of file, which may have been given by mistake.
struct OtherFile {
  //! As in "toy files", and the command that runs one.
  std::string kind, command;
  //! Tables that it alone has.
  std::vector<std::string> tables;
};

//! Throws ConfigError for what is no table of these, with the nearest one, or with the command that reads such a file.
template <typename Options>
void refuse_unknown_tables(const toml::table& root, const std::vector<TableOf<Options>>& all, const OtherFile& other,
                           const std::string& source) {
  const auto names = names_of(all);
  for (const auto& [key, node] : root) {
    const std::string name(key.str());
    if (node.is_table() && std::ranges::find(other.tables, name) != other.tables.end()) {
      throw ConfigError(place_of(key.source()),
                        fmt::format("[{}] is for {}: {} {}", name, other.kind, other.command, source));
    }
    if (std::ranges::find(names, name) == names.end()) {
      throw ConfigError(place_of(key.source()), fmt::format("{}: unknown {}{} Tables: {}", name,
                                                            node.is_table() ? "table" : "key outside of any table",
                                                            suggestion(name, names), list_of(names)));
    }
    if (!node.is_table()) {
      throw ConfigError(place_of(node.source()),
                        fmt::format("{}: found {}, expected a table [{}]", name, describe(node), name));
    }
  }
}

//! Throws ConfigError for a key that the table has not, with the nearest one.
template <typename Options>
void refuse_unknown_keys(const toml::table& found, const TableOf<Options>& table,
                         const std::vector<TableOf<Options>>& all) {
  const auto names = names_of(table.keys);
  for (const auto& [key, node] : found) {
    const std::string name(key.str());
    if (std::ranges::find(names, name) != names.end()) continue;
    throw ConfigError(place_of(key.source()), fmt::format("{}.{}: unknown key{} Keys of [{}]: {}", table.name, name,
                                                          suggest_key(table, name, all), table.name, list_of(names)));
  }
}

template <typename Options>
void read_key(const TableOf<Options>& table, const KeyOf<Options>& key, const toml::node* node, Options& options) {
  const auto name = table.name + "." + key.name;
  if (node == nullptr) {
    if (key.required) {
      throw ConfigError(options.source, fmt::format("{}: missing, expected {}: {}", name, key.expects, key.meaning));
    }
    key.fill(options);
    return;
  }
  try {
    key.read(*node, options);
  } catch (const BadValue& bad) {
    throw ConfigError(place_of(bad.source()), fmt::format("{}: {}", name, bad.what()));
  }
}

//! Reads all tables of a file into options, whose member `source` stands for the file in messages. Throws ConfigError.
template <typename Options>
void read_tables(const toml::table& root, const std::vector<TableOf<Options>>& all, const OtherFile& other,
                 Options& options) {
  refuse_unknown_tables(root, all, other, options.source);
  const toml::table absent;
  for (const auto& table : all) {
    const auto* found = root.contains(table.name) ? root.get_as<toml::table>(table.name) : &absent;
    refuse_unknown_keys(*found, table, all);
    for (const auto& key : table.keys) read_key(table, key, found->get(key.name), options);
  }
}

}  // namespace saesweep::config
