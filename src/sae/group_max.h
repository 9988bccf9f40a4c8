#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sae/codes.h"
#include "sae/product_strips.h"

namespace saesweep::sae {

//! Keeps the largest sum above 0 of each of k equal groups of neighbouring latents (sparsify's groupmax) as strips of
//! products come. Among equal sums the lower latent is kept; NaN never is.
class GroupMaxCandidates {
 public:
  //! Throws SystemError where k does not part n_latents evenly.
  GroupMaxCandidates(int64_t n_tokens, int64_t n_latents, int64_t k);

  //! As TopKCandidates::add.
  void add(const Strip& strip, std::span<const float> bias);

  //! The codes of all tokens; at most k each.
  Codes codes() const;

 private:
  int64_t n_tokens_;
  int64_t group_size_;
  int64_t k_;
  std::vector<float> values_;     // [tokens, k]; 0 where none is above 0
  std::vector<int32_t> latents_;  // [tokens, k]
};

}  // namespace saesweep::sae
