#pragma once

#include <filesystem>

#include "sae/options.h"
#include "sae/sae.h"

namespace saesweep::sae {

//! Writes an SAE as sparsify does: folder/cfg.json and folder/sae.safetensors (encoder.weight, encoder.bias, W_dec,
//! b_dec, and threshold where there is one). Each file appears whole; cfg.json last. Throws OutputError, StoppedError
//! on a full disk.
void save_sae(const std::filesystem::path& folder, const Sae& sae, const SaeOptions& options);

//! Reads what sparsify or save_sae wrote. Throws ModelError naming file, key or tensor, found and expected:
//! missing or misshapen tensors, numbers that are not finite, a cfg.json that contradicts the tensors, a kind of
//! SAE that is not known here.
Sae load_sae(const std::filesystem::path& folder);

}  // namespace saesweep::sae
