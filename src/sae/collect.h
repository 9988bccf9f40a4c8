#pragma once

#include <cstdint>

namespace saesweep::sae {

//! What collect writes beyond the entries it keeps.
inline constexpr int64_t kCollectSpare = 16;

//! Appends the sums of products and bias, both [n] with n <= kTileLatents, that are above the threshold to values, and
//! their numbers, from `first`, to latents. Returns how many; up to kCollectSpare entries beyond these are overwritten.
//! NaN is never kept.
int64_t collect(const float* products, const float* bias, int64_t n, float threshold, int32_t first, float* values,
                int32_t* latents);

//! The same with a threshold for each, [n].
int64_t collect_each(const float* products, const float* bias, int64_t n, const float* thresholds, int32_t first,
                     float* values, int32_t* latents);

//! Keeps, in their order, the entries above least and the first n_ties of those that equal it, n_ties falling with
//! each; returns how many are kept.
int64_t keep_from(float* values, int32_t* latents, int64_t n, float least, int64_t& n_ties);

}  // namespace saesweep::sae
