#include "sae/top_k.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <functional>

#include "base/vectorize.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace saesweep::sae {

namespace {

//! Appends the sums of products and bias that are above the threshold to values and latents; returns how many.
SAESWEEP_VECTORIZED
int64_t collect_portable(const float* products, const float* bias, int64_t n, float threshold, int32_t first,
                         float* values, int32_t* latents) {
  float sums[kTileLatents];
  int n_hits = 0;
  for (int64_t i = 0; i < n; ++i) {
    sums[i] = products[i] + bias[i];
    n_hits += sums[i] > threshold ? 1 : 0;
  }
  if (n_hits == 0) return 0;
  int64_t n_kept = 0;
  for (int64_t i = 0; i < n; ++i) {
    values[n_kept] = sums[i];
    latents[n_kept] = first + static_cast<int32_t>(i);
    n_kept += sums[i] > threshold ? 1 : 0;
  }
  return n_kept;
}

#if defined(__x86_64__)
//! The same, 16 at a time: the compiler does not find the compress instruction by itself.
__attribute__((target("avx512f"))) int64_t collect_avx512(const float* products, const float* bias, int64_t n,
                                                          float threshold, int32_t first, float* values,
                                                          int32_t* latents) {
  const __m512 least = _mm512_set1_ps(threshold);
  const __m512i places = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  int64_t n_kept = 0;
  for (int64_t i = 0; i < n; i += 16) {
    const auto used = static_cast<__mmask16>(n - i >= 16 ? 0xFFFF : (1 << (n - i)) - 1);
    const __m512 sums = _mm512_add_ps(_mm512_maskz_loadu_ps(used, products + i), _mm512_maskz_loadu_ps(used, bias + i));
    const __mmask16 hits = _mm512_mask_cmp_ps_mask(used, sums, least, _CMP_GT_OQ);
    if (hits == 0) continue;
    const __m512i index = _mm512_add_epi32(places, _mm512_set1_epi32(first + static_cast<int32_t>(i)));
    _mm512_storeu_ps(values + n_kept, _mm512_maskz_compress_ps(hits, sums));
    _mm512_storeu_si512(latents + n_kept, _mm512_maskz_compress_epi32(hits, index));
    n_kept += __builtin_popcount(hits);
  }
  return n_kept;
}

bool has_avx512() {
  return __builtin_cpu_supports("avx512f") != 0;
}
#else
constexpr auto collect_avx512 = collect_portable;

constexpr bool has_avx512() {
  return false;
}
#endif

//! What a strip may add to a token, and the 16 that are written beyond what is kept.
constexpr int64_t kSpare = kTileLatents + 16;

}  // namespace

TopKCandidates::TopKCandidates(int64_t n_tokens, int64_t k)
    : k_(k),
      capacity_(k + std::max<int64_t>(k, 64) + kSpare),
      values_(static_cast<size_t>(n_tokens * capacity_)),
      latents_(static_cast<size_t>(n_tokens * capacity_)),
      counts_(static_cast<size_t>(n_tokens), 0),
      thresholds_(static_cast<size_t>(n_tokens), 0.0F) {}

void TopKCandidates::add(const Strip& strip, std::span<const float> bias) {
  static const auto collect = has_avx512() ? collect_avx512 : collect_portable;
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
  std::vector<float> sorted(values, values + n);
  std::nth_element(sorted.begin(), sorted.begin() + k_ - 1, sorted.end(), std::greater<>());
  const float least = sorted[static_cast<size_t>(k_ - 1)];
  int64_t n_ties = k_ - std::count_if(values, values + n, [&](float value) { return value > least; });
  int64_t n_kept = 0;
  for (int64_t i = 0; i < n; ++i) {
    const bool tie = values[i] == least;
    if (values[i] < least || (tie && n_ties == 0)) continue;
    if (tie) --n_ties;
    values[n_kept] = values[i];
    latents[n_kept++] = latents[i];
  }
  counts_[place] = n_kept;
  thresholds_[place] = least;
}

Codes TopKCandidates::codes() {
  const auto n_tokens = static_cast<int64_t>(counts_.size());
  Codes codes = empty_codes(n_tokens, k_);
  float* values = codes.values.mutable_data_ptr<float>();
  int32_t* indices = codes.indices.mutable_data_ptr<int32_t>();
  at::parallel_for(0, n_tokens, 64, [&](int64_t begin, int64_t end) {
    for (int64_t number = begin; number < end; ++number) {
      thin_out(number);
      const Token candidates = token(number);
      const int64_t n = counts_[static_cast<size_t>(number)];
      std::copy_n(candidates.values, n, values + number * k_);
      std::copy_n(candidates.latents, n, indices + number * k_);
      std::fill_n(values + number * k_ + n, k_ - n, 0.0F);
      std::fill_n(indices + number * k_ + n, k_ - n, -1);
    }
  });
  return codes;
}

}  // namespace saesweep::sae
