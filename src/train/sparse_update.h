#pragma once

#include <span>
#include <vector>

#include "sae/sae.h"
#include "train/optimizer.h"
#include "train/part.h"

namespace saesweep::train {

//! The optimizer's state of all parameters of an SAE.
struct SaeState {
  OptimizerState W_enc, b_enc, W_dec, b_dec;
  //! Of jumprelu's thresholds; empty for others.
  OptimizerState threshold;

  SaeState() = default;
  SaeState(const Recipe& recipe, const sae::Parameters& parameters);
};

//! Norm of the gradient that the parts and d_threshold ([latents], or empty) make together, over all parameters, as
//! torch's clip_grad_norm_ takes it.
double gradient_norm(const sae::Sae& sae, std::span<const Part> parts, std::span<const float> d_threshold);

//! One pass over the parameters: for each latent its gradients from its own firings in all parts, the part of the
//! decoder's along its row removed, the optimizer's update, and, if `normalizes`, the row scaled to unit length
//! (sparsify's step). No gradient of the size of the parameters is ever stored. The parts' indexes must be built.
void update_parameters(sae::Sae& sae, SaeState& state, const OptimizerStep& step, std::span<const Part> parts,
                       bool normalizes);

}  // namespace saesweep::train
