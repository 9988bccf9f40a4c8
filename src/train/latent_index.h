#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sae/codes.h"

namespace saesweep::train {

//! One firing of a latent: which token, and where in the codes, [tokens, k] flattened.
struct Firing {
  int32_t token;
  int32_t place;
};

//! The codes of a batch turned round: for each latent its firings, in the order of tokens.
class LatentIndex {
 public:
  explicit LatentIndex(int64_t n_latents);

  //! Rebuilds the index (counting sort).
  void build(const sae::Codes& codes);
  std::span<const Firing> firings(int64_t latent) const;
  //! Active latents of the batch, over all tokens.
  int64_t n_firings() const { return static_cast<int64_t>(firings_.size()); }

 private:
  std::vector<int32_t> starts_;  // [n_latents + 1]
  std::vector<int32_t> cursor_;  // [n_latents]
  std::vector<Firing> firings_;
};

}  // namespace saesweep::train
