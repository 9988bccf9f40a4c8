#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "base/random.h"

namespace saesweep::toy {

//! The tensors of a toy SAE, float32, contiguous: a linear encoder with bias, ReLU, a linear decoder without bias.
struct Parameters {
  at::Tensor W_enc;  //!< [n_latents, d_in]
  at::Tensor b_enc;  //!< [n_latents]
  at::Tensor W_dec;  //!< [n_latents, d_in], unit rows

  Parameters clone() const { return {W_enc.clone(), b_enc.clone(), W_dec.clone()}; }
  //! On a device; the same tensors where they are there already.
  Parameters to(at::Device device) const { return {W_enc.to(device), b_enc.to(device), W_dec.to(device)}; }
};

//! A float32 tensor uniform within 1 / sqrt(n_inputs), as weights and biases of torch's nn.Linear start; from the
//! stream's first values.
at::Tensor linear_start(const Stream& stream, at::IntArrayRef shape, int64_t n_inputs);

//! A float32 [n_rows, n_columns] matrix whose rows, or columns where these are fewer, are orthonormal: what Gram and
//! Schmidt make of standard normals, which is uniform over all such (as torch's nn.init.orthogonal_ draws). From the
//! stream's first values.
at::Tensor orthogonal_start(const Stream& stream, int64_t n_rows, int64_t n_columns);

//! Parameters before the first step: encoder as nn.Linear's, decoder orthogonal with unit rows. From the streams of
//! (seed, d_in, n_latents): equal for all data and penalties.
Parameters initial_parameters(int64_t d_in, int64_t n_latents, int64_t seed);

}  // namespace saesweep::toy
