#pragma once

#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "config/key.h"
#include "config/value.h"
#include "sweep/options.h"

namespace saesweep::config {

//! Fields are named by functions, since a pointer to member cannot reach into a member. Lambdas stand for them: the
//! types are not to be deduced.
template <typename T, typename Options = sweep::SweepOptions>
using Field = std::type_identity_t<T& (*)(Options&)>;

//! A setting that all cells share; its default is the field's own.
template <typename T, typename Options = sweep::SweepOptions>
KeyOf<Options> setting(std::string name, const Kind<T>& kind, Field<T, Options> field, std::string meaning) {
  return {.name = std::move(name),
          .meaning = std::move(meaning),
          .expects = kind.expects,
          .read = [=](const toml::node& node, Options& options) { field(options) = read_one(kind, node); },
          .write = [=](Options options) { return kind.write(field(options)); }};
}

//! One value or an array of values.
template <typename T, typename Options = sweep::SweepOptions>
KeyOf<Options> several(std::string name, const Kind<T>& kind, Field<std::vector<T>, Options> field, size_t least,
                       std::string meaning) {
  return {.name = std::move(name),
          .meaning = std::move(meaning),
          .expects = kind.expects + ", or an array of them",
          .read = [=](const toml::node& node, Options& options) { field(options) = read_many(kind, node, least); },
          .write = [=](Options options) { return write_many(kind, field(options)); }};
}

//! An axis of the grid; without a default it must be given.
template <typename T, typename Options = sweep::SweepOptions>
KeyOf<Options> axis(std::string name, const Kind<T>& kind, Field<std::vector<T>, Options> field,
                    std::vector<T> fallback, std::string meaning) {
  auto key = several<T, Options>(std::move(name), kind, field, 1, std::move(meaning));
  key.expects += " (an axis of the grid)";
  key.required = fallback.empty();
  key.fill = [=](Options& options) { field(options) = fallback; };
  return key;
}

template <typename Options>
KeyOf<Options> required(KeyOf<Options> key) {
  key.required = true;
  return key;
}

}  // namespace saesweep::config
