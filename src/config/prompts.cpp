#include "config/prompts.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "base/errors.h"
#include "base/share.h"
#include "base/suggest.h"
#include "config/prompt_file.h"
#include "config/toml_text.h"

namespace saesweep::config {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".toml") names.push_back(entry.path().stem().string());
  }
  std::ranges::sort(names);
  return names;
}

fs::path file_of(const std::string& name, const std::string& place, const std::string& key) {
  if (name.find('/') != std::string::npos) {
    if (fs::is_regular_file(name)) return name;
    throw ConfigError(place, fmt::format("{}: {}: no such file", key, name));
  }
  const auto folder = prompts_folder();
  if (const auto path = folder / (name + ".toml"); fs::is_regular_file(path)) return path;
  const auto known = names_in(folder);
  throw ConfigError(place, fmt::format("{}: no prompt \"{}\" in {}{} There: {}; a file elsewhere is named by its path",
                                       key, name, folder.string(), suggestion(name, known), list_of(known)));
}

}  // namespace

void load_prompts(sweep::SweepOptions& options, const toml::table& root) {
  auto& prompts = options.autointerp.prompts;
  const auto load = [&](autointerp::PromptTemplate& prompt, const std::string& task) {
    const std::string key = "autointerp.prompt_" + task;
    const auto node = root.at_path(key);
    const auto name = prompt.name;
    prompt = read_prompt_file(file_of(name, node ? place_of(node.node()->source()) : options.source, key), task);
    prompt.name = name;
  };
  load(prompts.explanation, "explanation");
  load(prompts.fuzzing, "fuzzing");
  load(prompts.detection, "detection");
  load(prompts.simulation, "simulation");
  load(prompts.simulation_prompt, "simulation_prompt");
}

}  // namespace saesweep::config
