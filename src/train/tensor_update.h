#pragma once

#include <span>

#include "sae/sae.h"
#include "train/sparse_update.h"

namespace saesweep::train::tensors {

//! train/sparse_update.h by ATen's operations, on any device: gradients are formed for some latents at a time, some
//! million elements, as sums over these latents' firings in the order of tokens. Parts must have their firings
//! (train/tensor_step.h).
double gradient_norm(const sae::Sae& sae, std::span<const Part> parts, std::span<const float> d_threshold);
void update_parameters(sae::Sae& sae, SaeState& state, const OptimizerStep& step, std::span<const Part> parts,
                       bool normalizes);

//! The gradient of b_enc, float32 [n_latents].
at::Tensor b_enc_gradient(std::span<const Part> parts);
//! The gradient of b_dec, float64 [d_in]: it is added to reconstructions and taken from every input, so it is the sum
//! over tokens of d_x_hat less what comes through the encoder, as it is before the update.
at::Tensor b_dec_gradient(const sae::Sae& sae, std::span<const Part> parts, const at::Tensor& d_b_enc);

}  // namespace saesweep::train::tensors
