#pragma once

#include <ATen/core/Tensor.h>

#include "sae/codes.h"
#include "sae/parameters.h"

namespace saesweep::sae {

//! TopK sparse autoencoder (Gao et al. 2024, arXiv:2406.04093), in sparsify's form:
//!   latents = TopK(ReLU(W_enc (x - b_dec) + b_enc)),  x_hat = sum over latents of value * row of W_dec, plus b_dec.
struct TopKSae {
  Parameters parameters;
  int64_t k = 0;
};

//! x - b_dec; x: [tokens, d_in] float32, contiguous.
at::Tensor center(const TopKSae& sae, const at::Tensor& x);

//! The active latents of centered activations, [tokens, d_in]. The products are taken in blocks of tokens that
//! stay in the cache, of a size that depends on nothing but the shape, and never reach main memory whole.
Codes encode_centered(const TopKSae& sae, const at::Tensor& centered);

//! encode_centered(center(x)).
Codes encode(const TopKSae& sae, const at::Tensor& x);

//! The reconstruction, [tokens, d_in] float32.
at::Tensor decode(const TopKSae& sae, const Codes& codes);

}  // namespace saesweep::sae
