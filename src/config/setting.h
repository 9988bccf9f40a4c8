#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "config/key.h"
#include "config/value.h"
#include "sweep/options.h"

namespace saesweep::config {

//! Fields are named by functions, since a pointer to member cannot reach into a member.
template <typename T>
using Field = T& (*)(sweep::SweepOptions&);

//! A setting that all cells share; its default is the field's own.
template <typename T>
Key setting(std::string name, const Kind<T>& kind, Field<T> field, std::string meaning) {
  return {.name = std::move(name),
          .meaning = std::move(meaning),
          .expects = kind.expects,
          .read = [=](const toml::node& node, sweep::SweepOptions& options) { field(options) = read_one(kind, node); },
          .write = [=](sweep::SweepOptions options) { return kind.write(field(options)); }};
}

//! One value or an array of values.
template <typename T>
Key several(std::string name, const Kind<T>& kind, Field<std::vector<T>> field, size_t least, std::string meaning) {
  return {.name = std::move(name),
          .meaning = std::move(meaning),
          .expects = kind.expects + ", or an array of them",
          .read = [=](const toml::node& node,
                      sweep::SweepOptions& options) { field(options) = read_many(kind, node, least); },
          .write = [=](sweep::SweepOptions options) { return write_many(kind, field(options)); }};
}

//! An axis of the grid; without a default it must be given.
template <typename T>
Key axis(std::string name, const Kind<T>& kind, Field<std::vector<T>> field, std::vector<T> fallback,
         std::string meaning) {
  auto key = several(std::move(name), kind, field, 1, std::move(meaning));
  key.expects += " (an axis of the grid)";
  key.required = fallback.empty();
  key.fill = [=](sweep::SweepOptions& options) { field(options) = fallback; };
  return key;
}

inline Key required(Key key) {
  key.required = true;
  return key;
}

}  // namespace saesweep::config
