#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "sae/product_strips.h"
#include "sae/token_lists.h"

namespace saesweep::sae {

//! Keeps the k * tokens largest sums above 0 of a whole batch (BatchTopK, Bussmann et al. 2024, arXiv:2412.06410) as
//! strips of products come. Sums are counted by size; once enough larger ones were seen, a sum can no longer be among
//! the largest and is dropped. Among equal sums those of earlier tokens, then of lower latents are kept; NaN never is.
//! What is kept does not depend on the order in which strips come.
class BatchTopKCandidates {
 public:
  BatchTopKCandidates(int64_t n_tokens, int64_t k);

  //! As TopKCandidates::add.
  void add(const Strip& strip, std::span<const float> bias);

  //! The codes of all tokens; nothing may be added after.
  Codes codes();

 private:
  void count(std::span<const uint16_t> sizes);
  void raise_threshold();

  int64_t n_most_;
  TokenLists lists_;
  //! Only a larger sum can still be among the largest.
  std::atomic<float> threshold_ = 0.0F;
  std::mutex mutex_;
  //! Sums seen of each size: the upper 16 bits of the float, which rise with it.
  std::vector<int64_t> n_of_size_;
  int64_t n_since_raised_ = 0;
};

}  // namespace saesweep::sae
