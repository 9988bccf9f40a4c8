#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sae/codes.h"
#include "sae/product_strips.h"

namespace saesweep::sae {

//! Keeps the k largest sums above 0 of each token (TopK after ReLU, Gao et al. 2024, arXiv:2406.04093) as strips of
//! products come: a sum that no longer can be among them is dropped at a glance, the others are gathered and thinned
//! out now and then. Among equal sums the lower latent is kept; NaN never is.
class TopKCandidates {
 public:
  TopKCandidates(int64_t n_tokens, int64_t k);

  //! Takes the products of the next latents of some tokens, to which bias, [latents], is added. May be called on
  //! several threads for different tokens.
  void add(const Strip& strip, std::span<const float> bias);

  //! The codes of all tokens; nothing may be added after.
  Codes codes();

 private:
  struct Token {
    float* values;
    int32_t* latents;
  };
  Token token(int64_t number) { return {values_.data() + number * capacity_, latents_.data() + number * capacity_}; }
  void thin_out(int64_t number);

  int64_t k_;
  //! Candidates a token has room for.
  int64_t capacity_;
  std::vector<float> values_;     // [tokens, capacity]
  std::vector<int32_t> latents_;  // [tokens, capacity], rising
  std::vector<int64_t> counts_;   // [tokens]
  //! Only a larger sum can still be among the k largest, [tokens].
  std::vector<float> thresholds_;
};

//! The k largest entries of each token of codes whose values are above 0; among equal ones the lower latent is kept.
Codes largest(const Codes& codes, int64_t k);

}  // namespace saesweep::sae
