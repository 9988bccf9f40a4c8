#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "model/hookpoint.h"
#include "sae/folder_info.h"
#include "sweep/cell.h"
#include "sweep/inputs.h"
#include "sweep/options.h"

namespace saesweep::sweep {

//! The SAEs that a sweep loads, by folder: [sae] load with {model}, {variant}, {init_seed} and {hookpoint} replaced by
//! what results call them. Empty where the sweep trains. Reads and checks every folder (sae/folder.h). Throws
//! ConfigError for other names in braces and for several hookpoints without {hookpoint}; ModelError where an SAE's
//! width, or the model or hookpoint that it names, is another than its cell's, and for folders that cannot be used.
std::map<std::string, LoadedSae> resolve_saes(const SweepOptions& options, const ResolvedInputs& inputs);

//! Where in the model a folder's SAE was trained: by its files, or where they are silent by the folder's name
//! (`.../layers.3`); none where neither is a hookpoint's.
std::optional<model::Hookpoint> trained_on(const std::filesystem::path& folder, const sae::FolderInfo& info);

//! A cell with the SAE that is loaded for its place.
Cell with_loaded_sae(Cell place, const SweepOptions& options, const ResolvedInputs& inputs);

}  // namespace saesweep::sweep
