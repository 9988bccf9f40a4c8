#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "sae/sae.h"
#include "train/batch_moments.h"
#include "train/part.h"

namespace saesweep::train::tensors {

//! train/batch_moments.h, train/part.h and the thresholds' gradients by ATen's operations, on any device, in chunks of
//! some million elements. The same but for the rounding of float32; sums over tokens in float64.
BatchMoments moments_of(const at::Tensor& x);
std::vector<double> geometric_median(const at::Tensor& x);
double sum_of(const at::Tensor& values);
Part reconstruct(const sae::Sae& sae, sae::Codes codes, const at::Tensor& centered, const at::Tensor& target,
                 double weight, bool has_b_dec, double& squared_error);
std::vector<Part> reconstruct_nested(const sae::Sae& sae, const sae::Codes& codes, const at::Tensor& centered,
                                     const at::Tensor& x, double weight, double& squared_error,
                                     double& summed_squared_errors);
std::vector<float> threshold_gradients(const sae::Sae& sae, const sae::Codes& near, const at::Tensor& d_x_hat,
                                       double l0_gradient, double bandwidth);

//! The firings of codes, latent by latent.
FiringTensors firings_of(const sae::Codes& codes, int64_t n_latents);

}  // namespace saesweep::train::tensors
