#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

#include "sae/sae.h"

namespace saesweep::sae::tensors {

//! Pre-activations of neighbouring tokens and neighbouring latents.
struct Tile {
  int64_t first_token = 0;
  int64_t first_latent = 0;
  at::Tensor pre;  //!< float32 [tokens, latents]
};

//! Calls take with W_enc centered + b_enc, tile by tile: all latents of some tokens, rising, then those of the next.
//! On any device, by ATen's products; a tile has some 4 million elements at most. bfloat16 operands are rounded, and
//! their products summed in float32. group: a tile holds whole groups of so many latents, or lies within one.
void for_each_tile(const Sae& sae, const at::Tensor& centered, Precision precision, int64_t group,
                   const std::function<void(const Tile&)>& take);

}  // namespace saesweep::sae::tensors
