#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "sae/sae.h"
#include "train/backend.h"
#include "train/part.h"
#include "train/recipe.h"

namespace saesweep::train {

//! What the loss is made of, beside the SAE and the batch.
struct ObjectiveOptions {
  const Recipe& recipe;
  const Backend& backend = kernel_backend();
  //! Weight of the sparsity loss of relu and jumprelu.
  double penalty = 0;
  //! jumprelu: width of the band about a threshold within which pre-activations move it.
  double bandwidth = 0;
  //! Latents that count as dead, 1 for each, [n_latents].
  std::span<const uint8_t> is_dead = {};
  //! What loss and gradients are multiplied by: 1 / parts of a step.
  double share = 1;
};

//! The loss of a batch and what its gradients follow from.
struct BatchLoss {
  //! Sum of squared errors over the batch's variance (fraction of variance unexplained).
  double fvu = 0;
  //! All of the loss, before it is multiplied by the share.
  double loss = 0;
  //! The active latents.
  sae::Codes codes;
  std::vector<Part> parts;
  //! jumprelu: gradient of each threshold, [n_latents]; else empty.
  std::vector<float> d_threshold;
};

//! The loss of x, [tokens, d_in] float32, whose total variance V is given, and its gradients:
//!   fvu                                                      sum |x - x_hat|^2 / V (sparsify); for matryoshka the mean
//!                                                            of that of all nested reconstructions;
//!   + penalty * mean L1 of latents / sqrt(V / tokens)        relu (Bricken et al. 2023, in units of the data's
//!   spread);
//!   + penalty * mean L0 of latents                           jumprelu (Rajamanoharan et al. 2024, eqs. 9 to 12: the
//!                                                            thresholds' gradients through a rectangular kernel);
//!   + fvu of the 4k largest / 8                              MultiTopK (Gao et al. 2024, A.4);
//!   + alpha * sum |e - e_hat|^2 / norm                       AuxK (Gao et al. 2024, A.2): e = x - x_hat, held fixed;
//!                                                            e_hat by the d_in / 2 largest dead latents, without
//!                                                            b_dec; norm: V, times d_in / 2 / dead where fewer are
//!                                                            dead, or the variance of e (AuxKNorm).
BatchLoss batch_loss(const sae::Sae& sae, const at::Tensor& x, double total_variance, const ObjectiveOptions& options);

}  // namespace saesweep::train
