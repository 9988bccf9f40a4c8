#pragma once

#include <span>

namespace saesweep::metrics {

//! Pearson's correlation of x and y: sum (x - mean x)(y - mean y) / sqrt(sum (x - mean x)^2 sum (y - mean y)^2), in
//! [-1, 1] (the score of simulation: Bills et al. 2023). NaN where either is constant, of fewer than two numbers, or
//! holds a NaN. Throws SystemError for spans of unlike lengths.
double pearson_correlation(std::span<const double> x, std::span<const double> y);

}  // namespace saesweep::metrics
