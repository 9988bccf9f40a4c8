#pragma once

#include <cstdint>
#include <vector>

#include "sae/codes.h"

namespace saesweep::evaluate {

//! Counts how often each latent fires, and how strongly all do.
class FiringCounts {
 public:
  explicit FiringCounts(int64_t n_latents);

  void add(const sae::Codes& codes);

  //! Active latents a token, mean.
  double l0() const;
  //! Sum of the active values of a token, mean over tokens.
  double l1() const;
  //! Share of latents that never fired in the text seen.
  double dead_fraction() const;
  //! Share of tokens on which a latent fires, [n_latents].
  std::vector<float> firing_rates() const;

 private:
  std::vector<int64_t> counts_;
  int64_t n_tokens_ = 0;
  double value_sum_ = 0;
};

}  // namespace saesweep::evaluate
