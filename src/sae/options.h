#pragma once

#include <cstdint>
#include <string>

namespace saesweep::sae {

//! What an SAE is, apart from its weights.
struct SaeOptions {
  std::string architecture = "topk";
  //! Latents per input dimension (R in the study).
  int64_t expansion_factor = 64;
  //! Active latents a token.
  int64_t k = 32;

  int64_t n_latents(int64_t d_in) const { return d_in * expansion_factor; }
};

}  // namespace saesweep::sae
