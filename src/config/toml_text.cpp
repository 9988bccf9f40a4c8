#include "config/toml_text.h"

#include <fmt/format.h>

#include "base/errors.h"

namespace saesweep::config {

toml::table parse_toml(const std::string& text, const std::string& source) {
  try {
    return toml::parse(text, source);
  } catch (const toml::parse_error& error) {
    const auto at = error.source().begin;
    throw ConfigError(fmt::format("{}:{}:{}", source, at.line, at.column),
                      fmt::format("syntax error: {}", error.description()));
  }
}

void refuse_key(const std::string& source, const toml::table& root, const std::string& key,
                const std::string& problem) {
  auto node = root.at_path(key);
  if (!node) node = root.at_path(key.substr(0, key.find('.')));
  throw ConfigError(node ? place_of(node.node()->source()) : source, key + ": " + problem);
}

std::string place_of(const toml::source_region& source) {
  const std::string file = source.path ? *source.path : "sweep";
  return file.starts_with(kOverride) ? file : fmt::format("{}:{}", file, source.begin.line);
}

}  // namespace saesweep::config
