#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "sae/architecture.h"
#include "sae/codes.h"
#include "sae/parameters.h"
#include "sae/tile_kernel.h"

namespace saesweep::sae {

//! A sparse autoencoder in sparsify's form:
//!   pre = W_enc (x - b_dec) + b_enc,  latents = the active ones of pre (architecture.h),
//!   x_hat = sum over latents of value * row of W_dec, plus b_dec.
struct Sae {
  Architecture architecture = Architecture::kTopK;
  //! 0 where the architecture takes none.
  int64_t k = 0;
  Parameters parameters;
  //! Latents of each nested SAE, rising, the last all of them; empty unless matryoshka.
  std::vector<int64_t> matryoshka_sizes = {};
};

// On the CPU by kernels of our own, elsewhere by ATen (sae/tensor_codes.h).

//! x - b_dec; x: [tokens, d_in] float32, contiguous.
at::Tensor center(const Sae& sae, const at::Tensor& x);

//! The active latents of centered activations, [tokens, d_in], each token by itself: what an SAE does once trained. The
//! products are taken in tiles that stay in the cache and never reach main memory.
Codes encode_centered(const Sae& sae, const at::Tensor& centered, Precision precision = Precision::kFloat32);

//! encode_centered(center(x)).
Codes encode(const Sae& sae, const at::Tensor& x);

//! The reconstruction, [tokens, d_in] float32.
at::Tensor decode(const Sae& sae, const Codes& codes);

}  // namespace saesweep::sae
