#pragma once

#include <fmt/format.h>
#include <toml++/toml.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/suggest.h"
#include "model/options.h"
#include "sweep/options.h"

namespace saesweep::config {

//! A value that its key cannot take, and where it stands.
class BadValue : public std::runtime_error {
 public:
  BadValue(const toml::node& node, const std::string& problem) : std::runtime_error(problem), source_(node.source()) {}
  const toml::source_region& source() const { return source_; }

 private:
  toml::source_region source_;
};

//! What a value is: how it is read from TOML, written to TOML, and described.
template <typename T>
struct Kind {
  //! With article: "an integer of at least 1".
  std::string expects;
  //! Nothing where the node is something else.
  std::function<std::optional<T>(const toml::node&)> read;
  std::function<std::string(const T&)> write;
  //! Whether a node is one value rather than an array of them.
  std::function<bool(const toml::node&)> is_one = [](const toml::node& node) { return !node.is_array(); };
  //! Where only some words are allowed: these, to suggest the nearest.
  std::vector<std::string> words = {};
};

Kind<int64_t> integer_at_least(int64_t least);
Kind<int64_t> integer_between(int64_t least, int64_t most);
//! Of expansion factors: far above any SAE's, and with fewer than 32,768 dimensions no number of latents overflows.
inline constexpr int64_t kMostExpansion = 65'536;
//! Above 0.
Kind<double> positive_number();
Kind<double> number_at_least_0();
//! From 0, below 1.
Kind<double> share_below_1();
Kind<bool> truth();
//! Not empty.
Kind<std::string> text();
Kind<std::string> text_or_nothing();
Kind<std::string> one_of(std::vector<std::string> words);
Kind<model::Variant> variant();
Kind<sae::Architecture> architecture();
//! [run] checkpoint_every (train/checkpoint_pace.h), as text.
Kind<std::string> checkpoint_every();
//! Seconds, or a time as "5 min".
Kind<double> duration();
//! A path, made absolute; a leading @ stays.
Kind<std::string> path();
//! A path, or "".
Kind<std::string> path_or_nothing();
//! A path, made absolute, or where there is none a name of the Hugging Face hub's (ORG/NAME, ORG/NAME@REVISION), left
//! as it is.
Kind<std::string> path_or_hub_name();
//! A path, or a bare file name or pattern, which is left as it is.
Kind<std::string> path_or_name();
//! The path of a prompt file, made absolute, or the bare name of one that the program brings (config/prompts.h).
Kind<std::string> prompt_name();
//! "all", an array of layers, or { stride = n }.
Kind<sweep::LayerSelection> layer_selection();
//! Whether a node is the string "recipe".
bool is_recipe(const toml::node& node);

//! The recipe's, written "recipe", or a value of another kind.
template <typename T>
Kind<std::optional<T>> or_recipe(const Kind<T>& kind) {
  auto words = kind.words;
  words.emplace_back("recipe");
  return {.expects = kind.expects + ", or \"recipe\"",
          .read = [kind](const toml::node& node) -> std::optional<std::optional<T>> {
            if (is_recipe(node)) return std::optional<T>();
            const auto value = kind.read(node);
            if (!value) return std::nullopt;
            return std::optional<std::optional<T>>(value);
          },
          .write = [kind](const std::optional<T>& value) { return value ? kind.write(*value) : "\"recipe\""; },
          .words = words};
}

//! A string as TOML.
std::string quoted(const std::string& text);
//! A value found, for messages: `-1`, `'abc' (a string)`, `an array`.
std::string describe(const toml::node& node);

//! The value of a node. Throws BadValue.
template <typename T>
T read_one(const Kind<T>& kind, const toml::node& node) {
  if (auto value = kind.read(node)) return *value;
  const auto* word = node.as_string();
  const std::string near = word != nullptr ? nearest(word->get(), kind.words) : "";
  throw BadValue(node, fmt::format("found {}, expected {}{}", describe(node), kind.expects,
                                   near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near)));
}

//! The values of a node that is one value or an array of them, all different; `least` of them.
//! Throws BadValue.
template <typename T>
std::vector<T> read_many(const Kind<T>& kind, const toml::node& node, size_t least) {
  std::vector<T> values;
  std::set<std::string> seen;
  const auto take = [&](const toml::node& element) {
    values.push_back(read_one(kind, element));
    const auto written = kind.write(values.back());
    if (!seen.insert(written).second) throw BadValue(element, fmt::format("{} stands twice in the array", written));
  };
  if (kind.is_one(node)) {
    take(node);
  } else {
    for (const auto& element : *node.as_array()) take(element);
  }
  if (values.size() >= least) return values;
  throw BadValue(node, fmt::format("found an empty array, expected {}, or an array of at least one", kind.expects));
}

//! The reverse of read_many: a single value stands alone.
template <typename T>
std::string write_many(const Kind<T>& kind, const std::vector<T>& values) {
  if (values.size() == 1) return kind.write(values.front());
  std::string text;
  for (const auto& value : values) text += (text.empty() ? "" : ", ") + kind.write(value);
  return "[" + text + "]";
}

}  // namespace saesweep::config
