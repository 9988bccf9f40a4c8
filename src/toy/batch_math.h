#pragma once

#include <ATen/core/Tensor.h>

#include "train/optimizer.h"

namespace saesweep::toy {

//! What a step of a batch of SAEs does between its products. All tensors are float32 and contiguous, members first.
struct BatchMath {
  //! codes [members, n, n_latents] become max(0, codes + b_enc), b_enc [members, n_latents]. Returns the sums of each
  //! sample's codes, [members, n].
  at::Tensor (*rectify)(const at::Tensor& b_enc, at::Tensor& codes);
  //! x_hat [members, n, d_in] becomes the gradient of the mean of variance (x_hat - x)^2, variance [members, n].
  //! Returns each sample's sum of variance (x_hat - x)^2, [members, n].
  at::Tensor (*take_error)(const at::Tensor& x, const at::Tensor& variance, at::Tensor& x_hat);
  //! gradient [members, n, n_latents] becomes gradient + penalty where the code is above 0, otherwise 0; penalty
  //! [members]. Returns its sums over samples, [members, n_latents].
  at::Tensor (*back_through_relu)(const at::Tensor& penalty, const at::Tensor& codes, at::Tensor& gradient);
  //! A step of Adam with a float32 state; `normalizes`: then each row, along the last dimension, gets unit norm.
  void (*update)(const train::OptimizerStep& step, const at::Tensor& gradient, at::Tensor& parameter,
                 train::OptimizerState& state, bool normalizes);
};

//! By ATen's operations, on any device.
const BatchMath& tensor_math();
//! The fastest there is for a device.
const BatchMath& batch_math_of(at::Device device);

}  // namespace saesweep::toy
