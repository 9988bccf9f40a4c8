#pragma once

#include <filesystem>
#include <string>

#include "sae/folder_info.h"
#include "sae/options.h"
#include "sae/sae.h"

namespace saesweep::sae {

//! Writes an SAE as sparsify does: folder/cfg.json and folder/sae.safetensors (encoder.weight, encoder.bias, W_dec,
//! b_dec, and threshold where there is one). Each file appears whole; cfg.json last. Of the options the penalty is
//! written, unless NaN. Throws OutputError, StoppedError on a full disk.
void save_sae(const std::filesystem::path& folder, const Sae& sae, const SaeOptions& options);

//! Whether a folder is meant to hold an SAE: it has cfg.json or a file of tensors named as sparsify or SAELens do.
bool is_sae_folder(const std::filesystem::path& folder);

//! Checks what a folder holds, sparsify's form or SAELens', told by content; every tensor is read once, in pieces.
//! Throws ModelError naming file, key or tensor, found and expected: missing, misshapen or unknown tensors, numbers
//! that are not finite, thresholds below 0, a cfg.json that contradicts the tensors, a kind of SAE that is not known
//! here, a setting that would change numbers and is not known here.
FolderInfo check_sae(const std::filesystem::path& folder);

//! Reads what sparsify, SAELens or save_sae wrote, as float32. Throws as check_sae.
Sae load_sae(const std::filesystem::path& folder);

//! Hex SHA-256 of the folder's files: the same wherever it lies. Throws InputError.
std::string folder_hash(const std::filesystem::path& folder);

}  // namespace saesweep::sae
