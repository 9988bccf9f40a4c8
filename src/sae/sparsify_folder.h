#pragma once

#include <filesystem>

#include "sae/folder_info.h"
#include "sae/folder_reader.h"
#include "sae/sae.h"

namespace saesweep::sae {

//! EleutherAI/sparsify's form: cfg.json and sae.safetensors. Kinds that sparsify does not know carry our name as
//! `activation` and `architecture`, `threshold`, `matryoshka_sizes` and `penalty`; sparsify refuses them by that name.
inline constexpr const char* kSparsifyTensors = "sae.safetensors";

//! What cfg.json says. Throws ModelError.
FolderInfo read_sparsify_config(const FolderConfig& config);

//! The tensors that such an SAE has.
std::vector<ExpectedTensor> sparsify_tensors(const FolderInfo& info);

//! Their values.
Parameters read_sparsify_tensors(const model::SafetensorsFile& file, const FolderInfo& info);

}  // namespace saesweep::sae
