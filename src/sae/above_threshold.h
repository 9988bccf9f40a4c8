#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sae/product_strips.h"
#include "sae/token_lists.h"

namespace saesweep::sae {

//! Keeps all sums above a threshold, one for all latents or one for each, as strips of products come.
class AboveThreshold {
 public:
  //! thresholds: [1] or [n_latents].
  AboveThreshold(int64_t n_tokens, std::vector<float> thresholds)
      : thresholds_(std::move(thresholds)), lists_(n_tokens) {}

  //! As TopKCandidates::add.
  void add(const Strip& strip, std::span<const float> bias);

  //! The codes of all tokens.
  Codes codes() const { return lists_.codes(); }

 private:
  std::vector<float> thresholds_;
  TokenLists lists_;
};

}  // namespace saesweep::sae
