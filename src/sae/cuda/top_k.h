#pragma once

#include <cstdint>

namespace saesweep::sae::cuda {

//! Most keys a token that merge_top_k keeps: what shared memory holds.
inline constexpr int64_t kMostKeys = 3584;

//! Merges a tile of pre-activations, float32 [n_tokens, n_latents], into the k largest keys of each token so far,
//! int64 [n_tokens, k], falling, 0 where none: keys as sae/tensor_candidates.h has them. marks, [n_latents] of bytes or
//! null: latents at which they are 0 are left out. On the default stream of the device; returns at once. Returns CUDA's
//! error, or null.
const char* merge_top_k(int device, const float* pre, const uint8_t* marks, int64_t n_tokens, int64_t n_latents,
                        int64_t first_latent, int64_t k, int64_t* keys);

}  // namespace saesweep::sae::cuda
