#include "config/value.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <limits>
#include <set>
#include <sstream>

#include "base/errors.h"
#include "train/options.h"

namespace saesweep::config {
namespace {

constexpr std::array kVariants = {model::Variant::kTrained, model::Variant::kRerandomizedIncl,
                                  model::Variant::kRerandomizedExcl, model::Variant::kStep0, model::Variant::kControl};

std::string absolute(const std::string& path) {
  const bool is_list = path.starts_with('@');
  const auto whole = std::filesystem::absolute(is_list ? path.substr(1) : path).lexically_normal();
  const auto text = (whole.has_filename() ? whole : whole.parent_path()).string();
  return is_list ? "@" + text : text;
}

std::optional<std::string> string_of(const toml::node& node) {
  const auto* text = node.as_string();
  if (text == nullptr || text->get().empty()) return std::nullopt;
  return text->get();
}

bool all_integers(const toml::node& node) {
  const auto* array = node.as_array();
  return array != nullptr && !array->empty() && array->is_homogeneous(toml::node_type::integer);
}

std::optional<sweep::LayerSelection> listed_layers(const toml::node& node) {
  sweep::LayerSelection selection;
  std::set<int64_t> seen;
  for (const auto& element : *node.as_array()) {
    const int64_t layer = element.as_integer()->get();
    if (layer < 0 || !seen.insert(layer).second) return std::nullopt;
    selection.layers.push_back(layer);
  }
  return selection;
}

std::optional<sweep::LayerSelection> read_layers(const toml::node& node) {
  if (all_integers(node)) return listed_layers(node);
  if (const auto* word = node.as_string(); word != nullptr && word->get() == "all") return sweep::LayerSelection{};
  const auto* table = node.as_table();
  if (table == nullptr || table->size() != 1 || !table->contains("stride")) return std::nullopt;
  const auto* stride = table->get("stride")->as_integer();
  if (stride == nullptr || stride->get() < 1) return std::nullopt;
  return sweep::LayerSelection{.stride = stride->get(), .layers = {}};
}

std::string write_layers(const sweep::LayerSelection& selection) {
  if (!selection.layers.empty()) return fmt::format("[{}]", fmt::join(selection.layers, ", "));
  return selection.stride == 1 ? "\"all\"" : fmt::format("{{ stride = {} }}", selection.stride);
}

}  // namespace

std::string quoted(const std::string& text) {
  std::ostringstream out;
  out << toml::toml_formatter(toml::value<std::string>(text), toml::format_flags::none);
  return out.str();
}

std::string describe(const toml::node& node) {
  std::ostringstream out;
  if (const auto* text = node.as_string()) return fmt::format("the string {}", quoted(text->get()));
  if (node.is_table()) return "a table";
  out << toml::toml_formatter(node, toml::format_flags::none);
  return out.str();
}

Kind<int64_t> integer_at_least(int64_t least) {
  auto kind = integer_between(least, std::numeric_limits<int64_t>::max());
  kind.expects = fmt::format("an integer of at least {}", least);
  return kind;
}

Kind<int64_t> integer_between(int64_t least, int64_t most) {
  return {.expects = fmt::format("an integer from {} to {}", least, most),
          .read = [least, most](const toml::node& node) -> std::optional<int64_t> {
            const auto* number = node.as_integer();
            if (number == nullptr || number->get() < least || number->get() > most) return std::nullopt;
            return number->get();
          },
          .write = [](const int64_t& number) { return std::to_string(number); }};
}

Kind<double> positive_number() {
  return {.expects = "a number above 0",
          .read = [](const toml::node& node) -> std::optional<double> {
            const auto number = node.is_number() ? node.value<double>() : std::nullopt;
            return number && *number > 0 && std::isfinite(*number) ? number : std::nullopt;
          },
          .write = [](const double& number) { return fmt::format("{}", number); }};
}

Kind<double> number_at_least_0() {
  return {.expects = "a number of at least 0",
          .read = [](const toml::node& node) -> std::optional<double> {
            const auto number = node.is_number() ? node.value<double>() : std::nullopt;
            return number && *number >= 0 && std::isfinite(*number) ? number : std::nullopt;
          },
          .write = [](const double& number) { return fmt::format("{}", number); }};
}

Kind<double> share_below_1() {
  return {.expects = "a number of at least 0 and below 1",
          .read = [](const toml::node& node) -> std::optional<double> {
            const auto number = node.is_number() ? node.value<double>() : std::nullopt;
            return number && *number >= 0 && *number < 1 ? number : std::nullopt;
          },
          .write = [](const double& number) { return fmt::format("{}", number); }};
}

Kind<bool> truth() {
  return {.expects = "true or false",
          .read = [](const toml::node& node) -> std::optional<bool> {
            const auto* value = node.as_boolean();
            return value != nullptr ? std::optional(value->get()) : std::nullopt;
          },
          .write = [](const bool& value) { return std::string(value ? "true" : "false"); }};
}

Kind<std::string> text() {
  return {.expects = "a string that is not empty", .read = string_of, .write = quoted};
}

Kind<std::string> text_or_nothing() {
  return {.expects = "a string",
          .read = [](const toml::node& node) -> std::optional<std::string> {
            const auto* found = node.as_string();
            return found != nullptr ? std::optional(found->get()) : std::nullopt;
          },
          .write = quoted};
}

Kind<std::string> one_of(std::vector<std::string> words) {
  std::vector<std::string> shown;
  for (const auto& word : words) shown.push_back('"' + word + '"');
  return {.expects = list_of(shown),
          .read = [words](const toml::node& node) -> std::optional<std::string> {
            const auto found = string_of(node);
            return found && std::ranges::find(words, *found) != words.end() ? found : std::nullopt;
          },
          .write = quoted,
          .words = words};
}

Kind<model::Variant> variant() {
  std::vector<std::string> names;
  for (const auto known : kVariants) names.push_back(model::name_of(known));
  const auto named = one_of(names);
  return {.expects = named.expects,
          .read = [named](const toml::node& node) -> std::optional<model::Variant> {
            const auto name = named.read(node);
            return name ? std::optional(model::variant_from(*name)) : std::nullopt;
          },
          .write = [](const model::Variant& value) { return quoted(model::name_of(value)); },
          .words = names};
}

Kind<sae::Architecture> architecture() {
  std::vector<std::string> names;
  for (const auto known : sae::all_architectures()) names.push_back(sae::name_of(known));
  const auto named = one_of(names);
  return {.expects = named.expects,
          .read = [named](const toml::node& node) -> std::optional<sae::Architecture> {
            const auto name = named.read(node);
            return name ? std::optional(sae::architecture_from(*name)) : std::nullopt;
          },
          .write = [](const sae::Architecture& value) { return quoted(sae::name_of(value)); },
          .words = names};
}

Kind<std::string> path() {
  return {.expects = "a path",
          .read = [](const toml::node& node) -> std::optional<std::string> {
            const auto found = string_of(node);
            return found ? std::optional(absolute(*found)) : std::nullopt;
          },
          .write = quoted};
}

Kind<std::string> path_or_nothing() {
  return {.expects = "a path, or \"\"",
          .read = [](const toml::node& node) -> std::optional<std::string> {
            const auto* found = node.as_string();
            if (found == nullptr) return std::nullopt;
            return found->get().empty() ? std::string() : absolute(found->get());
          },
          .write = quoted};
}

Kind<std::string> path_or_hub_name() {
  return {.expects = "a path, or a model's name on the hub, as ORG/NAME",
          .read = [](const toml::node& node) -> std::optional<std::string> {
            const auto found = string_of(node);
            const bool is_path = found && (std::filesystem::exists(*found) || !model::is_hub_name(*found));
            return is_path ? std::optional(absolute(*found)) : found;
          },
          .write = quoted};
}

Kind<std::string> path_or_name() {
  return {.expects = "a path, a file name or a pattern",
          .read = [](const toml::node& node) -> std::optional<std::string> {
            const auto found = string_of(node);
            const bool is_path = found && found->find_first_of("@/") != std::string::npos;
            return is_path ? std::optional(absolute(*found)) : found;
          },
          .write = quoted};
}

Kind<std::string> prompt_name() {
  return {.expects = "the path of a prompt file, or the name of one that the program brings",
          .read = [](const toml::node& node) -> std::optional<std::string> {
            const auto found = string_of(node);
            const bool is_path = found && found->find_first_of("./") != std::string::npos;
            return is_path ? std::optional(absolute(*found)) : found;
          },
          .write = quoted};
}

Kind<sweep::LayerSelection> layer_selection() {
  return {.expects = "\"all\", an array of different layers counted from 0, or { stride = n }",
          .read = read_layers,
          .write = write_layers,
          .is_one = [](const toml::node& node) { return !node.is_array() || all_integers(node); },
          .words = {"all"}};
}

bool is_recipe(const toml::node& node) {
  return string_of(node) == "recipe";
}

Kind<std::string> checkpoint_every() {
  return {.expects = "tokens (an integer above 0), a time as \"10 min\", \"90 s\" or \"1 h\", \"auto\" or \"never\"",
          .read = [](const toml::node& node) -> std::optional<std::string> {
            const auto* number = node.as_integer();
            const auto text = number != nullptr ? std::to_string(number->get()) : string_of(node).value_or("");
            try {
              train::parse_checkpoint_every(text);
              return text;
            } catch (const InputError&) {
              return std::nullopt;
            }
          },
          .write = [](const std::string& text) { return quoted(text); },
          .words = {"auto", "never"}};
}

Kind<double> duration() {
  return {.expects = "a number of seconds of at least 0, or a time as \"30 s\", \"5 min\" or \"1 h\"",
          .read = [](const toml::node& node) -> std::optional<double> {
            if (const auto number = number_at_least_0().read(node)) return number;
            try {
              return train::parse_duration(string_of(node).value_or(""));
            } catch (const InputError&) {
              return std::nullopt;
            }
          },
          .write = [](const double& seconds) { return number_at_least_0().write(seconds); }};
}

}  // namespace saesweep::config
