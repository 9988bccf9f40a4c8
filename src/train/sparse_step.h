#pragma once

#include <ATen/core/Tensor.h>

#include "sae/topk_sae.h"
#include "train/adam.h"
#include "train/latent_index.h"

namespace saesweep::train {

//! Gradients of a batch with respect to what is dense in it.
struct BatchGradients {
  at::Tensor x_hat;   //!< [tokens, d_in]: d loss / d reconstruction
  at::Tensor values;  //!< [tokens, k]: d loss / d active value
  //! Sum of squared errors of the batch.
  double squared_error = 0;
};

//! Loss = squared error / total_variance (FVU, sparsify's loss): reconstructs x, [tokens, d_in], from its codes and
//! takes the gradients backward to the active values. Sums over tokens run in float64 over fixed blocks.
BatchGradients backward_to_codes(const sae::TopKSae& sae, const sae::Codes& codes, const at::Tensor& x,
                                 double total_variance);

//! Adam's moments of all parameters of an SAE.
struct SaeMoments {
  Moments W_enc, b_enc, W_dec, b_dec;
};

//! One pass over the parameters: for each latent its gradients from its own firings, the part of the decoder's
//! along its row removed, Adam's update, and the row scaled back to unit length (sparsify's step). No gradient of
//! the size of the parameters is ever stored. centered: x - b_dec, [tokens, d_in].
void update_parameters(sae::TopKSae& sae, SaeMoments& moments, const AdamCoefficients& adam, const sae::Codes& codes,
                       const LatentIndex& index, const BatchGradients& gradients, const at::Tensor& centered);

}  // namespace saesweep::train
