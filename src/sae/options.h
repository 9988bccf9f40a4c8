#pragma once

#include <cstdint>
#include <vector>

#include "sae/architecture.h"

namespace saesweep::sae {

//! What an SAE is, apart from its weights.
struct SaeOptions {
  Architecture architecture = Architecture::kTopK;
  //! Latents per input dimension (R in the study).
  int64_t expansion_factor = 64;
  //! Active latents a token (their mean over a batch for batch_topk and matryoshka); of no meaning for relu and
  //! jumprelu.
  int64_t k = 32;
  //! Weight of the sparsity loss: L1 for relu, L0 for jumprelu (train/objective.h); 0 for all others.
  double penalty = 0;
  //! matryoshka: shares of the latents that each nested SAE has, rising to 1 (those of Bussmann et al. 2025).
  std::vector<double> matryoshka_fractions = {1.0 / 32, 3.0 / 32, 7.0 / 32, 15.0 / 32, 1.0};

  int64_t n_latents(int64_t d_in) const { return d_in * expansion_factor; }
  //! Latents of each nested SAE: rising, the last n_latents; empty for other architectures.
  std::vector<int64_t> matryoshka_sizes(int64_t d_in) const;
};

}  // namespace saesweep::sae
