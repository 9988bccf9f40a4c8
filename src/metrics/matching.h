#pragma once

#include <cstdint>
#include <span>

namespace saesweep::metrics {

//! Mean max cosine similarity (MMCS; Sharkey, Braun & Millidge 2022): of each true feature the highest cosine with any
//! learnt one, mean over true features. cosines: row-major, a row a true feature, n_learnt numbers each. NaN where
//! there are none of either. Throws SystemError for a span that is no whole rows.
double mean_max_cosine(std::span<const float> cosines, int64_t n_learnt);

}  // namespace saesweep::metrics
