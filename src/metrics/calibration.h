#pragma once

#include <cstdint>
#include <span>

namespace saesweep::metrics {

//! Expected calibration error of the probabilities of "true": over n_bins equal bins of [0, 1], the distance between
//! a bin's mean probability and its share of true ones, weighted by the numbers in it (Guo et al. 2017, equation 3,
//! for two classes). A bin holds its upper edge, the first also 0. 0 is perfect. NaN where there is no probability.
//! Throws SystemError for spans of unlike lengths, a probability outside of [0, 1], or n_bins below 1.
double expected_calibration_error(std::span<const double> probabilities, std::span<const uint8_t> truths,
                                  int64_t n_bins);

}  // namespace saesweep::metrics
