#pragma once

#include <cstdint>
#include <span>

namespace saesweep::metrics {

//! Sum over tokens and dimensions of squared deviations from the mean over tokens, per dimension, from sums of
//! x - shift and of (x - shift)^2, [d_in] each, over n tokens: sum_i (square_i - sum_i^2 / n). NaN where n is 0.
//! A shift near the mean keeps the subtraction exact (Chan, Golub & LeVeque 1983, "Algorithms for computing the
//! sample variance").
double total_variance(std::span<const double> sum, std::span<const double> square, int64_t n);

//! 1 - sum ||x - x_hat||^2 / sum ||x - mean(x)||^2, the mean taken over the whole set (docs/results.md): 1 is
//! perfect, 0 as good as the mean, no lower bound. NaN where the variance is not above 0.
double explained_variance(double squared_error, double total_variance);

}  // namespace saesweep::metrics
