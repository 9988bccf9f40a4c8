#include "config/sweep_file.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>

#include "base/errors.h"
#include "base/files.h"
#include "base/suggest.h"
#include "config/checks.h"
#include "config/key.h"
#include "config/overrides.h"
#include "config/prompts.h"
#include "config/toml_text.h"

namespace saesweep::config {
namespace {

template <typename Named>
std::vector<std::string> names_of(const std::vector<Named>& all) {
  std::vector<std::string> names;
  for (const auto& one : all) names.push_back(one.name);
  return names;
}

// A key that stands in another table is suggested before one that is merely spelt alike.
std::string suggest_key(const Table& table, const std::string& name, const std::vector<Table>& all) {
  for (const auto& other : all) {
    const auto names = names_of(other.keys);
    if (std::ranges::find(names, name) != names.end()) return fmt::format("; did you mean {}.{}?", other.name, name);
  }
  return suggestion(name, names_of(table.keys));
}

void refuse_unknown_tables(const toml::table& root, const std::vector<Table>& all) {
  const auto names = names_of(all);
  for (const auto& [key, node] : root) {
    const std::string name(key.str());
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

void refuse_unknown_keys(const toml::table& found, const Table& table, const std::vector<Table>& all) {
  const auto names = names_of(table.keys);
  for (const auto& [key, node] : found) {
    const std::string name(key.str());
    if (std::ranges::find(names, name) != names.end()) continue;
    throw ConfigError(place_of(key.source()), fmt::format("{}.{}: unknown key{} Keys of [{}]: {}", table.name, name,
                                                          suggest_key(table, name, all), table.name, list_of(names)));
  }
}

void read_key(const Table& table, const Key& key, const toml::node* node, sweep::SweepOptions& options) {
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

//! Where SAEs are loaded, other keys of [sae] say nothing, and would be refused when the text is read again.
bool is_used(const Table& table, const Key& key, const sweep::SweepOptions& options) {
  return options.load.empty() || table.name != "sae" || key.name == "load";
}

//! That [autointerp] is there is a setting itself; [judge] is of use to it alone.
bool is_used(const Table& table, const toml::table& root) {
  if (table.name == "autointerp") return root.contains("autointerp");
  return table.name != "judge" || root.contains("judge") || root.contains("autointerp");
}

std::string resolved_text(const sweep::SweepOptions& options, const std::vector<Table>& all, const toml::table& root) {
  std::string text;
  for (const auto& table : all) {
    if (!is_used(table, root)) continue;
    text += fmt::format("{}[{}]\n", text.empty() ? "" : "\n", table.name);
    for (const auto& key : table.keys) {
      if (is_used(table, key, options)) text += fmt::format("{} = {}\n", key.name, key.write(options));
    }
  }
  return text;
}

}  // namespace

sweep::SweepOptions parse_sweep(const std::string& text, const std::string& source,
                                const std::vector<std::string>& overrides) {
  auto root = parse_toml(text, source);
  for (const auto& entry : overrides) apply_override(root, entry);
  const auto all = tables();
  refuse_unknown_tables(root, all);
  sweep::SweepOptions options;
  options.source = source;
  const toml::table absent;
  for (const auto& table : all) {
    const auto* found = root.contains(table.name) ? root.get_as<toml::table>(table.name) : &absent;
    refuse_unknown_keys(*found, table, all);
    for (const auto& key : table.keys) read_key(table, key, found->get(key.name), options);
  }
  options.autointerp.is_wanted = root.contains("autointerp") && options.autointerp.latents > 0;
  check_together(options, root);
  if (options.autointerp.is_wanted) load_prompts(options, root);
  options.resolved = resolved_text(options, all, root);
  return options;
}

sweep::SweepOptions read_sweep(const std::filesystem::path& path, const std::vector<std::string>& overrides) {
  return parse_sweep(read_file(path), path.string(), overrides);
}

}  // namespace saesweep::config
