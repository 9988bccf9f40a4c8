#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "sae/sae.h"
#include "train/latent_index.h"

namespace saesweep::train {

//! One reconstruction of a batch that enters the loss, and the loss's gradients with respect to it. The gradients of
//! encoder and decoder follow from these and the codes alone, latent by latent (train/sparse_update.h), so none of
//! their size is ever stored.
struct Part {
  sae::Codes codes;
  //! What the encoder read, x - b_dec: [tokens, d_in].
  at::Tensor centered;
  //! d loss / d reconstruction, [tokens, d_in].
  at::Tensor d_x_hat;
  //! d loss / d value of each entry of the codes, float32 [entries].
  at::Tensor d_values;
  //! Whether b_dec is a term of the reconstruction.
  bool has_b_dec = true;
  //! What its gradients are multiplied by: clipping.
  float scale = 1;
  //! One of these two, as the backend wants it (train/backend.h).
  LatentIndex index = {};
  FiringTensors firings = {};
};

//! Loss = weight * sum of squares of (decoded codes, plus b_dec if has_b_dec, less target), target: [tokens, d_in].
//! squared_error receives that sum, in float64 over fixed blocks of tokens. The index is left empty.
Part reconstruct(const sae::Sae& sae, sae::Codes codes, const at::Tensor& centered, const at::Tensor& target,
                 double weight, bool has_b_dec, double& squared_error);

//! The parts of nested reconstructions of x by the first sizes[0], sizes[1], ... latents, [tokens, d_in]:
//! loss = weight * their sums of squared errors, summed. A part holds the latents that one has and the one before it
//! has not; its d_x_hat is the sum of the gradients of all reconstructions that they are in. squared_error receives the
//! sum of the widest one.
std::vector<Part> reconstruct_nested(const sae::Sae& sae, const sae::Codes& codes, const at::Tensor& centered,
                                     const at::Tensor& x, double weight, double& squared_error,
                                     double& summed_squared_errors);

//! Gradients of jumprelu's thresholds, [n_latents], from the entries near them: of each near its threshold theta,
//!   -(theta * d loss / d value + l0_gradient) / bandwidth.
std::vector<float> threshold_gradients(const sae::Sae& sae, const sae::Codes& near, const at::Tensor& d_x_hat,
                                       double l0_gradient, double bandwidth);

}  // namespace saesweep::train
