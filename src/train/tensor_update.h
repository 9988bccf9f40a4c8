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

}  // namespace saesweep::train::tensors
