#pragma once

#include <toml++/toml.h>

#include <functional>
#include <string>
#include <vector>

#include "config/value.h"
#include "sweep/options.h"

namespace saesweep::config {

//! A key of a sweep file, described once: reading, checks, suggestions, the resolved sweep and the list of keys
//! all follow from it.
struct Key {
  std::string name;
  std::string meaning;
  std::string expects;
  bool required = false;
  //! Puts a node's value into the options. Throws BadValue.
  std::function<void(const toml::node&, sweep::SweepOptions&)> read;
  //! The options' value as TOML.
  std::function<std::string(const sweep::SweepOptions&)> write;
  //! Puts the default where it is not the options' own.
  std::function<void(sweep::SweepOptions&)> fill = [](sweep::SweepOptions&) {};
};

struct Table {
  std::string name;
  std::vector<Key> keys;
};

//! The tables of a sweep file.
std::vector<Table> tables();

//! The keys with meaning, allowed values and default, for people to read.
std::string list_keys();

}  // namespace saesweep::config
