#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace saesweep::sae {

//! Working memory of top_k, kept between calls.
struct TopKScratch {
  std::vector<float> values;
  std::vector<int32_t> indices;
  std::vector<float> sorted;
};

//! Adds bias to the products of one token and keeps the k largest that are above 0 (TopK after ReLU, Gao et al.
//! 2024, arXiv:2406.04093). products, bias: [n]; products is overwritten by the sums. values, indices: [k],
//! in rising order of index; where fewer than k are positive the rest is value 0, index -1. Among equal values
//! the lower index is kept. Returns how many are positive.
int64_t top_k(std::span<float> products, std::span<const float> bias, std::span<float> values,
              std::span<int32_t> indices, TopKScratch& scratch);

}  // namespace saesweep::sae
