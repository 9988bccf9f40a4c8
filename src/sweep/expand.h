#pragma once

#include <vector>

#include "sweep/cell.h"
#include "sweep/inputs.h"
#include "sweep/options.h"

namespace saesweep::sweep {

//! Where SAEs stand: cells without their SAE, in order of model, variant, init seed, hookpoint, layers. Throws
//! ConfigError for a layer out of range.
std::vector<Cell> places_of(const SweepOptions& options, const ResolvedInputs& inputs);

//! The cells of the sweep, with ids: the product of the axes, the later ones of this list running fastest: model,
//! variant, init seed, hookpoint, layers, architecture, expansion factor, k, SAE seed, tokens.
//! Variants that no init seed enters (trained, and a step0 that is not drawn) are expanded once, with init_seed -1; the
//! embedding ignores layers. Where SAEs are loaded, there is one cell a place.
//! Throws ConfigError for a layer out of range, k above the latents, a context longer than the model's, and for
//! two cells of the same id.
std::vector<Cell> expand(const SweepOptions& options, const ResolvedInputs& inputs);

}  // namespace saesweep::sweep
