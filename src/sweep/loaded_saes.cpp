#include "sweep/loaded_saes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <limits>
#include <set>

#include "base/errors.h"
#include "model/transformer_lens.h"
#include "sae/folder.h"
#include "sweep/expand.h"

namespace saesweep::sweep {
namespace {

constexpr const char* kHookpoint = "hookpoint";

[[noreturn]] void refuse(const SweepOptions& options, const std::string& problem) {
  throw ConfigError(options.place_of("sae.load"), fmt::format("sae.load: found \"{}\", {}", options.load, problem));
}

std::string value_of(const SweepOptions& options, const std::string& name, const Cell& place) {
  if (name == kHookpoint) return place.hookpoint.name();
  if (name == "model") return place.model_name;
  if (name == "variant") return model::name_of(place.variant);
  if (name == "init_seed") return std::to_string(place.init_seed);
  refuse(options,
         fmt::format("{{{}}} is not known; expected {{hookpoint}}, {{model}}, {{variant}} or {{init_seed}}", name));
}

std::string folder_of(const SweepOptions& options, const Cell& place) {
  std::string folder;
  size_t done = 0;
  for (size_t open; (open = options.load.find('{', done)) != std::string::npos;) {
    const size_t close = options.load.find('}', open);
    if (close == std::string::npos) refuse(options, "a { without }");
    folder += options.load.substr(done, open - done);
    folder += value_of(options, options.load.substr(open + 1, close - open - 1), place);
    done = close + 1;
  }
  return folder + options.load.substr(done);
}

void check_hookpoints(const SweepOptions& options, const std::vector<Cell>& places) {
  std::set<model::Hookpoint> hookpoints;
  for (const Cell& place : places) hookpoints.insert(place.hookpoint);
  if (hookpoints.size() < 2 || options.load.find("{hookpoint}") != std::string::npos) return;
  refuse(options, fmt::format("one folder for {} hookpoints; expected {{hookpoint}} in it", hookpoints.size()));
}

//! `EleutherAI/Pythia-70m@step3000` is `pythia-70m`.
std::string base_name(const std::string& model) {
  std::string name = model.substr(0, model.find('@'));
  name = name.substr(name.rfind('/') + 1);
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name;
}

void check_fit(const std::string& folder, const sae::FolderInfo& info, const Cell& place) {
  if (info.d_in != place.d_in) {
    throw ModelError(folder, fmt::format("an SAE of width {}, expected {}, the width of {} at {}", info.d_in,
                                         place.d_in, place.model_name, place.hookpoint.name()));
  }
  if (!info.model_name.empty() && base_name(info.model_name) != base_name(place.model_name)) {
    throw ModelError(folder, fmt::format("an SAE of the model {} by its cfg.json, expected one of {}", info.model_name,
                                         place.model_name));
  }
  const auto hookpoint = trained_on(folder, info);
  if (hookpoint && *hookpoint != place.hookpoint) {
    throw ModelError(folder,
                     fmt::format("an SAE of {} by its {}, expected one of {}", hookpoint->name(),
                                 info.hook_name.empty() ? "folder's name" : "cfg.json", place.hookpoint.name()));
  }
}

}  // namespace

std::optional<model::Hookpoint> trained_on(const std::filesystem::path& folder, const sae::FolderInfo& info) {
  if (!info.hook_name.empty()) return model::hookpoint_of_transformer_lens(info.hook_name);
  const std::filesystem::path whole = folder.lexically_normal();
  try {
    return model::hookpoint_from((whole.has_filename() ? whole : whole.parent_path()).filename());
  } catch (const InputError&) {
    return {};
  }
}

std::map<std::string, LoadedSae> resolve_saes(const SweepOptions& options, const ResolvedInputs& inputs) {
  std::map<std::string, LoadedSae> saes;
  if (options.load.empty()) return saes;
  const std::vector<Cell> places = places_of(options, inputs);
  check_hookpoints(options, places);
  for (const Cell& place : places) {
    const std::string folder = folder_of(options, place);
    const auto [found, is_new] = saes.try_emplace(folder);
    if (is_new) found->second = {sae::check_sae(folder), sae::folder_hash(folder)};
    check_fit(folder, found->second.info, place);
  }
  return saes;
}

Cell with_loaded_sae(Cell place, const SweepOptions& options, const ResolvedInputs& inputs) {
  place.sae_folder = folder_of(options, place);
  const LoadedSae& sae = inputs.saes.at(place.sae_folder);
  place.sae_hash = sae.hash;
  place.sae_seed = -1;
  place.tokens = 0;
  place.n_latents = sae.info.n_latents;
  place.sae.architecture = sae.info.architecture;
  place.sae.expansion_factor = sae.info.n_latents / sae.info.d_in;
  place.sae.k = sae.info.k;
  place.sae.penalty = sae.info.penalty.value_or(std::numeric_limits<double>::quiet_NaN());
  return place;
}

}  // namespace saesweep::sweep
