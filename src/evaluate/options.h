#pragma once

#include <cstdint>

namespace saesweep::evaluate {

//! How much held-out text the metrics see.
struct EvaluateOptions {
  //! Tokens for reconstruction metrics, and as many training tokens for explained_variance_train.
  int64_t tokens = 1'000'000;
  //! Tokens for cross-entropy and KL, the first of the same sample.
  int64_t ce_tokens = 100'000;
};

}  // namespace saesweep::evaluate
