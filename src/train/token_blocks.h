#pragma once

#include <cstdint>
#include <functional>

namespace saesweep::train {

//! Sums over tokens are taken in blocks of this many, whatever the number of threads.
inline constexpr int64_t kTokensPerBlock = 64;

inline int64_t n_token_blocks(int64_t n_tokens) {
  return (n_tokens + kTokensPerBlock - 1) / kTokensPerBlock;
}

//! Calls work(first token, last token, block) for all blocks, on several threads.
void for_each_token_block(int64_t n_tokens, const std::function<void(int64_t, int64_t, int64_t)>& work);

//! Calls work for all tokens, on several threads, and sums what it returns for each: within a block, then over blocks.
double sum_over_tokens(int64_t n_tokens, const std::function<double(int64_t token)>& work);

}  // namespace saesweep::train
