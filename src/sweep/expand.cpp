#include "sweep/expand.h"

#include <fmt/format.h>

#include <string_view>
#include <unordered_map>

#include "base/errors.h"
#include "sweep/ids.h"
#include "sweep/layers.h"
#include "sweep/loaded_saes.h"

namespace saesweep::sweep {
namespace {

std::vector<int64_t> init_seeds_of(model::Variant variant, const ModelInputs& model, const GridAxes& axes) {
  const bool is_read =
      variant == model::Variant::kTrained || (variant == model::Variant::kStep0 && !model.step0_is_drawn);
  return is_read ? std::vector<int64_t>{-1} : axes.init_seeds;
}

void check_context(const SweepOptions& options, const std::string& path, const ModelInputs& model) {
  if (options.text.context_length <= model.config.max_context) return;
  throw ConfigError(options.place_of("text.context_length"),
                    fmt::format("text.context_length: {} is more than the model {} was made for; at most {}",
                                options.text.context_length, path, model.config.max_context));
}

void check_k(const SweepOptions& options, const Cell& cell) {
  const auto refuse = [&](const std::string& problem) {
    throw ConfigError(
        options.place_of("sae.k"),
        fmt::format("sae.k: {} {} the {} latents of an SAE with expansion_factor {} on the "
                    "model {} (width {})",
                    cell.sae.k, problem, cell.n_latents, cell.sae.expansion_factor, cell.model_path, cell.d_in));
  };
  if (cell.sae.k > cell.n_latents) refuse("is more than");
  if (cell.sae.architecture == sae::Architecture::kGroupMax && cell.n_latents % cell.sae.k != 0) {
    refuse("groups of groupmax do not part evenly");
  }
}

Cell cell_of(const std::string& path, const ModelInputs& model, model::Variant variant, int64_t init_seed) {
  Cell cell;
  cell.model_path = path;
  cell.model_source = std::make_shared<const model::ModelSource>(model.source);
  cell.model_name = model.source.name;
  cell.variant = variant;
  cell.init_seed = init_seed;
  cell.model_hash = variant == model::Variant::kStep0 ? model.step0_hash : model.hash;
  cell.d_in = model.config.d_model;
  return cell;
}

//! The settings of sparsity that an architecture takes: k, or the weight of its sparsity loss.
std::vector<sae::SaeOptions> sparsities_of(const SweepOptions& options, sae::SaeOptions sae) {
  std::vector<sae::SaeOptions> all;
  const auto& axes = options.axes;
  if (takes_k(sae.architecture)) {
    for (const int64_t k : axes.ks) {
      sae.k = k;
      all.push_back(sae);
    }
    return all;
  }
  sae.k = 0;
  const bool l1 = sae.architecture == sae::Architecture::kRelu;
  for (const double penalty : l1 ? axes.l1_penalties : axes.l0_penalties) {
    sae.penalty = penalty;
    all.push_back(sae);
  }
  return all;
}

void append_saes(const SweepOptions& options, Cell cell, std::vector<Cell>& cells) {
  const auto& axes = options.axes;
  sae::SaeOptions shape = options.sae;
  for (const auto architecture : axes.architectures)
    for (const int64_t expansion_factor : axes.expansion_factors) {
      shape.architecture = architecture;
      shape.expansion_factor = expansion_factor;
      for (const auto& sae : sparsities_of(options, shape))
        for (const int64_t seed : axes.sae_seeds)
          for (const int64_t tokens : axes.tokens) {
            cell.sae = sae;
            cell.sae_seed = seed;
            cell.tokens = tokens;
            cell.n_latents = cell.sae.n_latents(cell.d_in);
            check_k(options, cell);
            cells.push_back(cell);
          }
    }
}

void append_places(const SweepOptions& options, const std::string& path, const ModelInputs& model,
                   std::vector<Cell>& places) {
  const auto hookpoints = hookpoints_of(options, path, model.config.n_layers);
  for (const auto variant : options.axes.variants) {
    for (const int64_t init_seed : init_seeds_of(variant, model, options.axes)) {
      Cell cell = cell_of(path, model, variant, init_seed);
      for (const auto& hookpoint : hookpoints) {
        cell.hookpoint = hookpoint;
        places.push_back(cell);
      }
    }
  }
}

void refuse_equals(const SweepOptions& options, const std::vector<Cell>& cells) {
  std::unordered_map<std::string_view, const Cell*> seen;
  seen.reserve(cells.size());
  for (const auto& cell : cells) {
    const auto [place, is_new] = seen.emplace(cell.id, &cell);
    if (is_new) continue;
    throw ConfigError(
        options.source,
        fmt::format("the grid holds a cell twice: {} ({}) and {} ({}); give each layer, and each "
                    "checkpoint of the same content, once",
                    describe(*place->second), place->second->model_path, describe(cell), cell.model_path));
  }
}

}  // namespace

std::vector<Cell> places_of(const SweepOptions& options, const ResolvedInputs& inputs) {
  std::vector<Cell> places;
  for (const auto& path : options.axes.model_paths) append_places(options, path, inputs.models.at(path), places);
  return places;
}

std::vector<Cell> expand(const SweepOptions& options, const ResolvedInputs& inputs) {
  for (const auto& path : options.axes.model_paths) check_context(options, path, inputs.models.at(path));
  std::vector<Cell> cells;
  const std::vector<Cell> places = places_of(options, inputs);
  for (const auto& place : places) {
    if (options.load.empty()) {
      append_saes(options, place, cells);
    } else {
      cells.push_back(with_loaded_sae(place, options, inputs));
    }
    // Each place has as many.
    if (&place == &places.front()) cells.reserve(cells.size() * places.size());
  }
  CellIds ids(options, inputs);
  for (auto& cell : cells) ids.assign(cell);
  refuse_equals(options, cells);
  return cells;
}

}  // namespace saesweep::sweep
