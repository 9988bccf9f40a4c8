#include "config/overrides.h"

#include <fmt/format.h>

#include <optional>

#include "base/errors.h"
#include "config/toml_text.h"
#include "config/value.h"

namespace saesweep::config {
namespace {

constexpr const char* kExpected = "expected table.key=value with a TOML value, such as sae.k=32 or sae.k=[16,32]";

std::optional<toml::table> try_parse(const std::string& text, const std::string& source) {
  try {
    return toml::parse(text, source);
  } catch (const toml::parse_error&) {
    return std::nullopt;
  }
}

toml::table parse_entry(const std::string& key, const std::string& value, const std::string& source) {
  if (auto parsed = try_parse(key + " = " + value, source)) return std::move(*parsed);
  const bool is_word = !value.empty() && std::string("\"'[{").find(value.front()) == std::string::npos;
  if (is_word) {
    if (auto parsed = try_parse(key + " = " + quoted(value), source)) return std::move(*parsed);
  }
  throw ConfigError(source, kExpected);
}

// What is put where an API key's variable is named may be the key itself, and messages end in logs.
std::string source_of(const std::string& entry, size_t equals) {
  const bool is_secret = entry.starts_with("judge.api_key_env");
  return kOverride + (is_secret ? entry.substr(0, equals) : entry);
}

}  // namespace

void apply_override(toml::table& root, const std::string& entry) {
  const auto equals = entry.find('=');
  const auto source = source_of(entry, equals);
  if (equals == std::string::npos || entry.find('.') > equals) {
    throw ConfigError(source, kExpected);
  }
  auto parsed = parse_entry(entry.substr(0, equals), entry.substr(equals + 1), source);
  for (auto&& [name, node] : parsed) {
    auto* given = node.as_table();
    if (given == nullptr) throw ConfigError(source, kExpected);
    auto* found = root.get_as<toml::table>(name.str());
    if (found == nullptr) {
      root.insert_or_assign(name, std::move(*given));
      continue;
    }
    for (auto&& [key, value] : *given) {
      found->erase(key.str());
      value.visit([&, place = key](auto& typed) { found->insert_or_assign(place, std::move(typed)); });
    }
  }
}

}  // namespace saesweep::config
