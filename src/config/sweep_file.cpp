#include "config/sweep_file.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include "base/files.h"
#include "config/checks.h"
#include "config/key.h"
#include "config/overrides.h"
#include "config/prompts.h"
#include "config/reading.h"
#include "config/toml_text.h"

namespace saesweep::config {
namespace {

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

std::map<std::string, std::string> places_of(const toml::table& root) {
  std::map<std::string, std::string> places;
  for (const auto& [name, table] : root) {
    places.emplace(name.str(), place_of(table.source()));
    if (!table.is_table()) continue;
    for (const auto& [key, node] : *table.as_table()) {
      places.emplace(fmt::format("{}.{}", name.str(), key.str()), place_of(node.source()));
    }
  }
  return places;
}

}  // namespace

sweep::SweepOptions parse_sweep(const std::string& text, const std::string& source,
                                const std::vector<std::string>& overrides) {
  auto root = parse_toml(text, source);
  for (const auto& entry : overrides) apply_override(root, entry);
  const auto all = tables();
  sweep::SweepOptions options;
  options.source = source;
  read_tables(root, all, {"toy files", "saesweep toy", {"toy"}}, options);
  options.autointerp.is_wanted = root.contains("autointerp") && options.autointerp.latents > 0;
  check_together(options, root);
  if (options.autointerp.is_wanted) load_prompts(options, root);
  options.resolved = resolved_text(options, all, root);
  options.places = places_of(root);
  for (auto& [key, place] : {std::pair("train", &options.text.train_place),
                             {"held_out", &options.text.held_out_place},
                             {"exclude", &options.text.exclude_place}}) {
    const std::string name = fmt::format("text.{}", key);
    *place = fmt::format("{}: {}", options.place_of(name), name);
  }
  return options;
}

sweep::SweepOptions read_sweep(const std::filesystem::path& path, const std::vector<std::string>& overrides) {
  return parse_sweep(read_file(path), path.string(), overrides);
}

}  // namespace saesweep::config
