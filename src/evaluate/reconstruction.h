#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace saesweep::evaluate {

//! How well activations are reconstructed.
struct Reconstruction {
  //! metrics::explained_variance over all values of all tokens.
  double explained_variance = 0;
  //! Cosine similarity of x and x_hat, mean over tokens.
  double cosine_similarity = 0;
  //! Squared error a dimension, mean over tokens.
  double mse = 0;
};

//! Sums of activations and their reconstructions, kept apart for the first position of each row, whose activations
//! are massive in trained models. In float64, in the order of tokens, shifted by the mean of the first batch.
class ReconstructionSums {
 public:
  //! x, x_hat: [rows * context, d_in] float32, contiguous.
  void add(const at::Tensor& x, const at::Tensor& x_hat, int64_t context);

  int64_t n_tokens() const { return first_.n + rest_.n; }
  Reconstruction all() const;
  //! Without the first position of each row.
  Reconstruction without_first() const;

 private:
  struct Sums {
    int64_t n = 0;
    double squared_error = 0;
    double cosine = 0;
    std::vector<double> sum, square;

    void add(const float* x, const float* x_hat, const std::vector<double>& shift);
    Reconstruction reconstruction() const;
  };

  std::vector<double> shift_;
  Sums first_, rest_;
};

}  // namespace saesweep::evaluate
