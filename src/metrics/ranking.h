#pragma once

#include <cstdint>
#include <span>

namespace saesweep::metrics {

//! Area under the ROC curve: the chance that a true one has a higher score than a false one, ties counted half,
//! which is U / (n_true * n_false) of Mann & Whitney (1947), as in Hanley & McNeil (1982). truths: 0 or 1, one a
//! score. From counts alone, so the order of the scores changes no bit. NaN where a class is missing. Callers leave
//! missing scores out: throws SystemError for a NaN and for spans of unlike lengths.
double auroc(std::span<const double> scores, std::span<const uint8_t> truths);

//! Mean of the shares of true ones and of false ones that are answered rightly (Brodersen et al. 2010); answers and
//! truths: 0 or 1. NaN where a class is missing. Throws SystemError for spans of unlike lengths.
double balanced_accuracy(std::span<const uint8_t> answers, std::span<const uint8_t> truths);

}  // namespace saesweep::metrics
