#include "train/token_blocks.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace saesweep::train {

void for_each_token_block(int64_t n_tokens, const std::function<void(int64_t, int64_t, int64_t)>& work) {
  at::parallel_for(0, n_token_blocks(n_tokens), 1, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      work(block * kTokensPerBlock, std::min(n_tokens, (block + 1) * kTokensPerBlock), block);
    }
  });
}

double sum_over_tokens(int64_t n_tokens, const std::function<double(int64_t token)>& work) {
  std::vector<double> sums(static_cast<size_t>(n_token_blocks(n_tokens)), 0.0);
  for_each_token_block(n_tokens, [&](int64_t first, int64_t last, int64_t block) {
    for (int64_t t = first; t < last; ++t) sums[static_cast<size_t>(block)] += work(t);
  });
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

}  // namespace saesweep::train
