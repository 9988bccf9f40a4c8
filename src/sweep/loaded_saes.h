#pragma once

#include <map>
#include <string>

#include "sweep/cell.h"
#include "sweep/inputs.h"
#include "sweep/options.h"

namespace saesweep::sweep {

//! The SAEs that a sweep loads, by folder: [sae] load with {model}, {variant}, {init_seed} and {hookpoint} replaced by
//! what results call them. Empty where the sweep trains. Reads and checks every folder (sae/folder.h). Throws
//! ConfigError for other names in braces, for several hookpoints without {hookpoint}, and where an SAE's width or the
//! model that it names is another than its cell's; ModelError for folders that cannot be used.
std::map<std::string, LoadedSae> resolve_saes(const SweepOptions& options, const ResolvedInputs& inputs);

//! A cell with the SAE that is loaded for its place.
Cell with_loaded_sae(Cell place, const SweepOptions& options, const ResolvedInputs& inputs);

}  // namespace saesweep::sweep
