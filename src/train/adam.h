#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace saesweep::train {

//! Adam (Kingma & Ba 2015, arXiv:1412.6980) with torch's defaults, no weight decay.
struct AdamCoefficients {
  //! learning_rate / (1 - beta1^t).
  float step_size = 0;
  //! 1 / sqrt(1 - beta2^t).
  float inverse_bias2 = 0;

  static constexpr double kBeta1 = 0.9;
  static constexpr double kBeta2 = 0.999;
  static constexpr double kEpsilon = 1e-8;

  //! t counts updates from 1.
  static AdamCoefficients at_step(int64_t t, double learning_rate);
};

//! First and second moments of one parameter tensor, of its shape.
struct Moments {
  at::Tensor first;
  at::Tensor second;

  static Moments zeros_like(const at::Tensor& parameter);
};

//! One update of n values in place.
void adam_update(const AdamCoefficients& adam, int64_t n, const float* gradient, float* parameter, float* first,
                 float* second);

}  // namespace saesweep::train
