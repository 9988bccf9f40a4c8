#include "sweep/layers.h"

#include <fmt/format.h>

#include "base/errors.h"

namespace saesweep::sweep {
namespace {

std::vector<int64_t> layers_of(const LayerSelection& selection, int64_t n_layers) {
  if (!selection.layers.empty()) return selection.layers;
  std::vector<int64_t> layers;
  for (int64_t layer = 0; layer < n_layers; layer += selection.stride) layers.push_back(layer);
  return layers;
}

}  // namespace

std::vector<model::Hookpoint> hookpoints_of(const SweepOptions& options, const std::string& model_path,
                                            int64_t n_layers) {
  std::vector<model::Hookpoint> hookpoints;
  for (const auto& name : options.axes.hookpoints) {
    const auto kind = model::hookpoint_kind_from(name);
    if (kind == model::Hookpoint::Kind::kEmbedding) {
      hookpoints.push_back({kind, -1});
      continue;
    }
    for (const auto& selection : options.axes.layers) {
      for (const int64_t layer : layers_of(selection, n_layers)) {
        if (layer < 0 || layer >= n_layers) {
          throw ConfigError(options.place_of("model.layers"),
                            fmt::format("model.layers: layer {} is out of range: the model {} has {} "
                                        "layers, 0 to {}",
                                        layer, model_path, n_layers, n_layers - 1));
        }
        hookpoints.push_back({kind, layer});
      }
    }
  }
  return hookpoints;
}

}  // namespace saesweep::sweep
