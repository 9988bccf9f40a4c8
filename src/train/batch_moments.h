#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace saesweep::train {

//! First and second moments of a batch.
struct BatchMoments {
  //! Over tokens, [d].
  std::vector<double> mean;
  //! Sum over tokens and dimensions of squared deviations from it.
  double total_variance = 0;
};

//! x: [tokens, d] float32, contiguous. Sums run in float64 over fixed blocks of tokens.
BatchMoments moments_of(const at::Tensor& x);

//! Weighted sum of rows of x in float64, [d], over the same blocks. weights: [tokens].
std::vector<double> weighted_sum(const at::Tensor& x, const std::vector<double>& weights);

//! Distance of each row of x from a point, [d], in float64.
std::vector<double> distances(const at::Tensor& x, const std::vector<double>& point);

//! The point of least summed distance from the rows of x, by Weiszfeld's iteration from their mean: at most 100 rounds,
//! or until it moves by less than 1e-5 (as ThomasHeap/sae has it). Rows that lie on the point itself count as if a
//! billionth of the mean distance away.
std::vector<double> geometric_median(const at::Tensor& x);

}  // namespace saesweep::train
