#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "sae/training_codes.h"
#include "train/batch_moments.h"
#include "train/optimizer.h"
#include "train/part.h"

namespace saesweep::train {

struct SaeState;

//! What a training step is made of. All backends give the same results but for the rounding of float32; what each
//! function does stands in the headers that are named here.
struct Backend {
  // train/batch_moments.h
  BatchMoments (*moments_of)(const at::Tensor& x);
  std::vector<double> (*geometric_median)(const at::Tensor& x);
  // sae/sae.h, sae/training_codes.h
  at::Tensor (*center)(const sae::Sae&, const at::Tensor& x);
  sae::TrainingCodes (*training_codes)(const sae::Sae&, const at::Tensor& centered, const sae::TrainingWants&);
  //! Sum in float64.
  double (*sum_of)(const at::Tensor& values);
  // train/part.h
  Part (*reconstruct)(const sae::Sae&, sae::Codes, const at::Tensor& centered, const at::Tensor& target, double weight,
                      bool has_b_dec, double& squared_error);
  std::vector<Part> (*reconstruct_nested)(const sae::Sae&, const sae::Codes&, const at::Tensor& centered,
                                          const at::Tensor& x, double weight, double& squared_error,
                                          double& summed_squared_errors);
  std::vector<float> (*threshold_gradients)(const sae::Sae&, const sae::Codes& near, const at::Tensor& d_x_hat,
                                            double l0_gradient, double bandwidth);
  //! Fills what the next two read: the part's index, or its firings.
  void (*turn_round)(Part& part, int64_t n_latents);
  // train/sparse_update.h
  double (*gradient_norm)(const sae::Sae&, std::span<const Part>, std::span<const float> d_threshold);
  void (*update_parameters)(sae::Sae&, SaeState&, const OptimizerStep&, std::span<const Part>, bool normalizes);
  //! train/optimizer.h: a vector of parameters.
  void (*update_vector)(const OptimizerStep&, OptimizerState&, std::span<const float> gradient, at::Tensor& parameter);
  //! Sets fired, [n_latents], to 1 for all latents of codes.
  void (*mark_fired)(const sae::Codes& codes, std::span<uint8_t> fired);
};

//! Kernels of our own, on the CPU.
const Backend& kernel_backend();
//! ATen's operations, on any device.
const Backend& tensor_backend();
//! The fastest of those that work on a device.
const Backend& backend_of(at::Device device);

}  // namespace saesweep::train
