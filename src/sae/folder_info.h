#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sae/architecture.h"

namespace saesweep::sae {

//! Whose files a folder holds.
enum class FolderFormat { kSparsify, kSaeLens };

//! "sparsify" or "saelens".
std::string name_of(FolderFormat format);

//! Throws InputError naming the allowed ones.
FolderFormat folder_format_from(const std::string& name);

//! What the folder of an SAE says of it, weights aside.
struct FolderInfo {
  FolderFormat format = FolderFormat::kSparsify;
  Architecture architecture = Architecture::kTopK;
  //! 0 where the architecture takes none.
  int64_t k = 0;
  int64_t d_in = 0;
  int64_t n_latents = 0;
  //! Latents of each nested SAE; empty unless matryoshka.
  std::vector<int64_t> matryoshka_sizes = {};
  //! Weight of the sparsity loss it was trained with, where the files say.
  std::optional<double> penalty = {};
  //! The model and place in it that it was trained on, where the files say (SAELens' metadata, as written there).
  std::string model_name = {};
  std::string hook_name = {};
};

}  // namespace saesweep::sae
