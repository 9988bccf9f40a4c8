#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sae/codes.h"

namespace saesweep::train {

//! One firing of a latent: which token, and which entry of the codes.
struct Firing {
  uint32_t token;
  uint32_t place;
};

//! The codes of a batch turned round as tensors, for what works with ATen (train/tensor_update.h): entry i of all
//! firings, those of latent 0 first.
struct FiringTensors {
  at::Tensor tokens;  //!< int64 [entries]
  at::Tensor places;  //!< int64 [entries]: which entry of the codes
  at::Tensor starts;  //!< int64 [n_latents + 1]: where each latent's firings begin
};

//! The codes of a batch turned round: for each latent its firings, in the order of tokens.
class LatentIndex {
 public:
  LatentIndex() = default;
  //! A counting sort. Throws NumericError for 2^32 entries or more.
  LatentIndex(const sae::Codes& codes, int64_t n_latents);

  std::span<const Firing> firings(int64_t latent) const;

 private:
  std::vector<uint32_t> starts_;  // [n_latents + 1]
  std::vector<Firing> firings_;
};

}  // namespace saesweep::train
