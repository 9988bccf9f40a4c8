#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <string>

#include "sae/folder_info.h"
#include "sae/folder_reader.h"
#include "sae/sae.h"

namespace saesweep::sae {

//! SAELens' form (sae_lens 6, and configs of older releases): cfg.json and sae_weights.safetensors (W_enc
//! [d_in, latents], b_enc, W_dec [latents, d_in], b_dec, and jumprelu's threshold).
inline constexpr const char* kSaeLensTensors = "sae_weights.safetensors";

//! What cfg.json says beyond FolderInfo.
struct SaeLensConfig {
  FolderInfo info;
  //! Whether the encoder reads x - b_dec, or x.
  bool subtracts_b_dec = true;
  //! topk: whether pre-activations are scaled by the length of their row of W_dec, and values back.
  bool rescales_by_decoder = false;
  //! Number format that SAELens holds the weights in, however the file does.
  at::ScalarType dtype = at::kFloat;
};

//! Reads topk, standard (which is relu here) and jumprelu. Throws ModelError, also for what would change numbers and
//! is not known here: other architectures, normalize_activations, reshape_activations, scaling factors, models with
//! centered weights.
SaeLensConfig read_saelens_config(const FolderConfig& config);

//! Checks that the file holds the tensors of such an SAE (folder_reader.h), and `scaling_factor` only as older releases
//! wrote it, all 1; rows of W_dec of length 0 are refused where their lengths rescale. Throws ModelError.
void check_saelens_tensors(const model::SafetensorsFile& file, const SaeLensConfig& config);

//! Their values in our form: b_dec that is not subtracted is folded into b_enc, row lengths that rescale into encoder
//! and decoder.
Parameters read_saelens_tensors(const model::SafetensorsFile& file, const SaeLensConfig& config);

//! Whether SAELens has such SAEs, or can hold them as another kind: all but groupmax.
bool saelens_holds(Architecture architecture);

//! Where an SAE was trained; "" where unknown.
struct SaeLensMetadata {
  std::string model_name = {};
  std::string hook_name = {};
};

//! Writes an SAE so that sae_lens' SAE.load_from_disk reads it: topk; relu as standard; jumprelu, batch_topk and
//! matryoshka as jumprelu with their threshold. It must be one that saelens_holds. Throws OutputError, StoppedError on
//! a full disk.
void save_saelens(const std::filesystem::path& folder, const Sae& sae, const SaeLensMetadata& metadata);

}  // namespace saesweep::sae
