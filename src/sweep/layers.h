#pragma once

#include <cstdint>
#include <vector>

#include "model/hookpoint.h"
#include "sweep/inputs.h"
#include "sweep/options.h"

namespace saesweep::sweep {

//! Hookpoints of a sweep in a model, hookpoint kind by kind, layers in the order of the sweep file; the embedding
//! once. Throws ConfigError naming a layer the model does not have, the model and its number of layers.
std::vector<model::Hookpoint> hookpoints_of(const SweepOptions& options, const std::string& model_path,
                                            int64_t n_layers);

}  // namespace saesweep::sweep
