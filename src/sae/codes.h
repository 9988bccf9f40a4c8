#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace saesweep::sae {

//! The active latents of some tokens.
struct Codes {
  at::Tensor values;   //!< [tokens, k] float32; 0 where unused
  at::Tensor indices;  //!< [tokens, k] int32, rising within a token; -1 where unused

  int64_t n_tokens() const { return values.size(0); }
  int64_t k() const { return values.size(1); }
};

//! Unfilled codes of that size.
Codes empty_codes(int64_t n_tokens, int64_t k);

}  // namespace saesweep::sae
