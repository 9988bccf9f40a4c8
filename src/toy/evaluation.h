#pragma once

#include <cstdint>

#include "toy/dataset.h"
#include "toy/start.h"

namespace saesweep::toy {

//! How a toy SAE does on held-out samples, as these were before they were standardized.
struct Evaluation {
  int64_t samples = 0;
  //! metrics::explained_variance.
  double explained_variance = 0;
  //! Cosine similarity of x and x_hat, mean over samples that are not all zeros.
  double cosine_similarity = 0;
  //! Squared error a dimension, mean over samples.
  double mse = 0;
  //! Active latents, and L1 norm, means over samples.
  double l0 = 0;
  double l1 = 0;
  //! metrics/sparsity.h
  double l1_sqrt_l2 = 0;
  double hoyer = 0;
  //! Share of latents that no sample activates.
  double dead_fraction = 0;
  //! metrics::mean_max_cosine of the true features and the decoder's columns; NaN where no true ones are known.
  double mmcs = 0;
};

//! On the CPU, on the calling thread. features: [features, d_in], or undefined.
Evaluation evaluate(const Parameters& parameters, const Standardized& held_out, const at::Tensor& features);

}  // namespace saesweep::toy
