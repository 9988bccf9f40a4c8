#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "sae/options.h"

namespace saesweep::sae {

//! The tensors of a sparse autoencoder, float32, contiguous, named as in sparsify's files.
struct Parameters {
  at::Tensor W_enc;  //!< [n_latents, d_in]
  at::Tensor b_enc;  //!< [n_latents]
  at::Tensor W_dec;  //!< [n_latents, d_in], unit rows
  at::Tensor b_dec;  //!< [d_in]
  //! Pre-activations above it are active: [n_latents] for jumprelu, [1] for batch_topk and matryoshka; else undefined.
  at::Tensor threshold = {};

  int64_t n_latents() const { return W_enc.size(0); }
  int64_t d_in() const { return W_enc.size(1); }
  //! On a device; the same tensors where they are there already.
  Parameters to(at::Device device) const;
};

//! Parameters before the first step, as sparsify draws them: W_enc uniform in (-1/sqrt(d_in), 1/sqrt(d_in))
//! (torch's nn.Linear), biases 0, W_dec = W_enc with unit rows. Drawn from the stream of (seed, architecture, d_in,
//! n_latents): equal for every variant, layer and model of that width. b_dec and jumprelu's thresholds are set from the
//! first batch; until then they are 0.
Parameters initial_parameters(int64_t d_in, const SaeOptions& options, int64_t seed);

//! Scales each row of W_dec, [n_latents, d_in], to unit length: row / (|row| + float epsilon), as sparsify does.
void normalize_rows(at::Tensor& W_dec);

}  // namespace saesweep::sae
