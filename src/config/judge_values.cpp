#include "config/judge_values.h"

#include <cmath>

#include "base/json.h"

namespace saesweep::config {
namespace {

// Nothing where JSON has no such value: dates, and numbers that are not finite.
std::optional<Json> json_of(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* truth = node.as_boolean()) return truth->get();
  if (const auto* number = node.as_integer()) return number->get();
  if (const auto* number = node.as_floating_point()) {
    return std::isfinite(number->get()) ? std::optional<Json>(number->get()) : std::nullopt;
  }
  if (const auto* array = node.as_array()) {
    Json all = Json::array();
    for (const auto& element : *array) {
      const auto one = json_of(element);
      if (!one) return std::nullopt;
      all.push_back(*one);
    }
    return all;
  }
  if (!node.is_table()) return std::nullopt;
  Json all = Json::object();
  for (const auto& [key, value] : *node.as_table()) {
    const auto one = json_of(value);
    if (!one) return std::nullopt;
    all[std::string(key.str())] = *one;
  }
  return all;
}

std::string toml_of(const Json& json) {
  if (json.is_string()) return quoted(json.get<std::string>());
  if (!json.is_structured()) return json.dump();
  std::string text;
  for (const auto& [key, value] : json.items()) {
    const std::string name = json.is_object() ? quoted(key) + " = " : "";
    text += (text.empty() ? "" : ", ") + name + toml_of(value);
  }
  if (json.is_array()) return "[" + text + "]";
  return text.empty() ? "{}" : "{ " + text + " }";
}

}  // namespace

Kind<std::string> url() {
  return {.expects = "an address, as \"http://host:8000/v1\"",
          .read = [](const toml::node& node) -> std::optional<std::string> {
            const auto* found = node.as_string();
            if (found == nullptr) return std::nullopt;
            const auto& text = found->get();
            for (const std::string scheme : {"http://", "https://"}) {
              if (text.starts_with(scheme) && text.size() > scheme.size()) return text;
            }
            return std::nullopt;
          },
          .write = quoted};
}

Kind<std::string> json_object() {
  return {.expects = "a table of JSON's values, as { top_p = 0.9 }",
          .read = [](const toml::node& node) -> std::optional<std::string> {
            const auto json = node.is_table() ? json_of(node) : std::nullopt;
            return json ? std::optional(json->dump()) : std::nullopt;
          },
          .write = [](const std::string& text) { return toml_of(Json::parse(text)); }};
}

}  // namespace saesweep::config
