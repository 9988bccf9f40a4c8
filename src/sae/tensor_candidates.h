#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "sae/codes.h"
#include "sae/tensor_product.h"

namespace saesweep::sae::tensors {

//! Numbers that rank pre-activations above 0: larger ones first, of equal ones that of the lower latent; 0 for all
//! others and NaN. int64, of the shape of a tile, whose latents begin at first_latent.
at::Tensor keys_of(const at::Tensor& pre, int64_t first_latent);

//! The codes of keys, [tokens, any] in any order; 0: no entry.
Codes codes_of_keys(const at::Tensor& keys);

//! Keeps the k largest keys of each token as tiles come; on CUDA by a kernel of our own, where there is one.
class TopKeys {
 public:
  explicit TopKeys(int64_t k) : k_(k) {}
  //! marks: bool [all latents], those that count; undefined: all do.
  void add(const Tile& tile, const at::Tensor& marks = {});
  //! int64 [tokens, at most k].
  at::Tensor keys();

 private:
  int64_t k_;
  at::Tensor best_;                   // of the tokens that tiles come for
  std::vector<at::Tensor> finished_;  // of those before
};

//! Keeps entries as tiles come.
class EntryLists {
 public:
  //! Entries at which keep, [tokens, latents] as the tile, is true.
  void add(const Tile& tile, const at::Tensor& keep);
  //! Drops all but the n largest and those that equal the least of them; returns the least, or 0 where there are no n.
  float keep_largest(int64_t n);
  int64_t n_entries() const { return n_entries_; }
  //! n_most: if not negative, the largest so many; among equal ones those of earlier tokens, then of lower latents.
  Codes codes(int64_t n_tokens, int64_t n_latents, int64_t n_most = -1);

 private:
  void join();

  int64_t n_entries_ = 0;
  std::vector<at::Tensor> tokens_, latents_, values_;
};

}  // namespace saesweep::sae::tensors
