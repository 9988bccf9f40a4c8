#pragma once

#include <cstdint>
#include <limits>
#include <span>

namespace saesweep::metrics {

//! How widely a latent's activation is spread over token ids.
struct TokenEntropy {
  //! -sum p ln p, in nats, p(t) the share of the total activation that falls on token id t (Heap et al. 2025).
  double entropy = std::numeric_limits<double>::quiet_NaN();
  //! The same less its bias: entropy + (n_distinct - 1) / (2 n_active) (Miller 1955).
  double miller_madow = std::numeric_limits<double>::quiet_NaN();
  //! Tokens on which the latent fires, and ids among them.
  int64_t n_active = 0;
  int64_t n_distinct = 0;
};

//! Of the tokens of a latent's windows, one after the other: ids and activations, a token counts where its activation
//! is above 0. Entropies are NaN where none does. Sums run in the order of ids, and of tokens for an id. Throws
//! SystemError for spans of unlike lengths and for an activation that is not finite.
TokenEntropy token_entropy(std::span<const uint32_t> ids, std::span<const float> activations);

}  // namespace saesweep::metrics
