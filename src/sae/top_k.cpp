#include "sae/top_k.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <bit>

#include "base/vectorize.h"
#include "sae/collect.h"

namespace saesweep::sae {

namespace {

//! What a strip may add to a token, and the 16 that are written beyond what is kept.
constexpr int64_t kSpare = kTileLatents + kCollectSpare;

SAESWEEP_VECTORIZED
int64_t count_at_least(const float* values, int64_t n, float least) {
  int32_t count = 0;
  for (int64_t i = 0; i < n; ++i) count += values[i] >= least ? 1 : 0;
  return count;
}

SAESWEEP_VECTORIZED
void find_extremes(const float* values, int64_t n, float& least, float& most) {
  float low = values[0], high = values[0];
#pragma omp simd reduction(min : low) reduction(max : high)
  for (int64_t i = 0; i < n; ++i) {
    low = values[i] < low ? values[i] : low;
    high = values[i] > high ? values[i] : high;
  }
  least = low;
  most = high;
}

//! The k-th largest of n values, 0 where fewer than k are above 0; by bisection: the bits of positive floats rise with
//! them, and counting runs over whole registers without a branch (as RTop-K does, Xie et al. 2025, arXiv:2409.00822).
float kth_largest(const float* values, int64_t n, int64_t k) {
  float least = 0, most = 0;
  find_extremes(values, n, least, most);
  if (!(most > 0)) return 0;
  uint32_t low = least > 0 ? std::bit_cast<uint32_t>(least) : 0, high = std::bit_cast<uint32_t>(most) + 1;
  while (high - low > 1) {
    const uint32_t middle = low + (high - low) / 2;
    (count_at_least(values, n, std::bit_cast<float>(middle)) >= k ? low : high) = middle;
  }
  return std::bit_cast<float>(low);
}

}  // namespace

TopKCandidates::TopKCandidates(int64_t n_tokens, int64_t k)
    : k_(k),
      capacity_(k + std::max<int64_t>(k, 64) + kSpare),
      values_(static_cast<size_t>(n_tokens * capacity_)),
      latents_(static_cast<size_t>(n_tokens * capacity_)),
      counts_(static_cast<size_t>(n_tokens), 0),
      thresholds_(static_cast<size_t>(n_tokens), 0.0F) {}

void TopKCandidates::add(const Strip& strip, std::span<const float> bias) {
  const float* strip_bias = bias.data() + strip.first_latent;
  for (int64_t i = 0; i < strip.n_tokens; ++i) {
    const int64_t number = strip.first_token + i;
    const auto place = static_cast<size_t>(number);
    const Token candidates = token(number);
    counts_[place] += collect(strip.products + i * kTileLatents, strip_bias, strip.n_latents, thresholds_[place],
                              static_cast<int32_t>(strip.first_latent), candidates.values + counts_[place],
                              candidates.latents + counts_[place]);
    if (counts_[place] > capacity_ - kSpare) thin_out(number);
  }
}

void TopKCandidates::thin_out(int64_t number) {
  const auto place = static_cast<size_t>(number);
  const int64_t n = counts_[place];
  if (n <= k_) return;
  const auto [values, latents] = token(number);
  const float least = kth_largest(values, n, k_);
  int64_t n_ties = k_ - std::count_if(values, values + n, [&](float value) { return value > least; });
  counts_[place] = keep_from(values, latents, n, least, n_ties);
  thresholds_[place] = least;
}

Codes TopKCandidates::codes() {
  const auto n_tokens = static_cast<int64_t>(counts_.size());
  at::parallel_for(0, n_tokens, 64, [&](int64_t begin, int64_t end) {
    for (int64_t number = begin; number < end; ++number) thin_out(number);
  });
  return make_codes(counts_, [this](int64_t number, float* values, int32_t* latents) {
    const Token candidates = token(number);
    const int64_t n = counts_[static_cast<size_t>(number)];
    std::copy_n(candidates.values, n, values);
    std::copy_n(candidates.latents, n, latents);
  });
}

Codes largest(const Codes& codes, int64_t k) {
  const int64_t* starts = codes.starts.const_data_ptr<int64_t>();
  const float* values = codes.values.const_data_ptr<float>();
  std::vector<float> least(static_cast<size_t>(codes.n_tokens()), 0.0F);
  std::vector<int64_t> n_ties(least.size(), 0);
  for (int64_t token = 0; token < codes.n_tokens(); ++token) {
    const float* first = values + starts[token];
    const float* last = values + starts[token + 1];
    if (last - first <= k) continue;
    const float kth = kth_largest(first, last - first, k);
    least[static_cast<size_t>(token)] = kth;
    n_ties[static_cast<size_t>(token)] = k - std::count_if(first, last, [&](float v) { return v > kth; });
  }
  std::vector<int64_t> counts(least.size());
  const auto take = [&](int64_t token, auto&& keep) {
    int64_t ties = n_ties[static_cast<size_t>(token)];
    const float kth = least[static_cast<size_t>(token)];
    for (int64_t i = starts[token]; i < starts[token + 1]; ++i) {
      if (values[i] > kth || (values[i] == kth && kth > 0 && ties-- > 0)) keep(i);
    }
  };
  for (int64_t token = 0; token < codes.n_tokens(); ++token) {
    take(token, [&](int64_t) { ++counts[static_cast<size_t>(token)]; });
  }
  const int32_t* latents = codes.latents.const_data_ptr<int32_t>();
  return make_codes(counts, [&](int64_t token, float* out_values, int32_t* out_latents) {
    take(token, [&](int64_t i) {
      *out_values++ = values[i];
      *out_latents++ = latents[i];
    });
  });
}

}  // namespace saesweep::sae
