#include "sae/top_k.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "base/vectorize.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace saesweep::sae {

namespace {

//! The row is read in strips of this many values; the maximum over all strips is kept for each place in a strip.
constexpr int64_t kStrip = 64;

SAESWEEP_VECTORIZED
void add_and_maximize(float* products, const float* bias, int64_t n, float* maxima) {
  for (int64_t j = 0; j < kStrip; ++j) maxima[j] = 0.0F;
  for (int64_t i = 0; i < n; i += kStrip) {
    for (int64_t j = 0; j < kStrip; ++j) {
      const float sum = products[i + j] + bias[i + j];
      products[i + j] = sum;
      maxima[j] = sum > maxima[j] ? sum : maxima[j];
    }
  }
}

//! Appends the values that reach the threshold. Whole groups of 16; NaN is never kept.
SAESWEEP_VECTORIZED
int64_t collect_portable(const float* sums, int64_t n, float threshold, float* values, int32_t* indices) {
  int64_t n_kept = 0;
  for (int64_t i = 0; i < n; i += 16) {
    int n_hits = 0;
    for (int64_t j = 0; j < 16; ++j) n_hits += sums[i + j] >= threshold ? 1 : 0;
    if (n_hits == 0) continue;
    for (int64_t j = 0; j < 16; ++j) {
      values[n_kept] = sums[i + j];
      indices[n_kept] = static_cast<int32_t>(i + j);
      n_kept += sums[i + j] >= threshold ? 1 : 0;
    }
  }
  return n_kept;
}

#if defined(__x86_64__)
//! The same, a group at a time: the compiler does not find the compress instruction by itself.
__attribute__((target("avx512f"))) int64_t collect_avx512(const float* sums, int64_t n, float threshold, float* values,
                                                          int32_t* indices) {
  const __m512 least = _mm512_set1_ps(threshold);
  const __m512i places = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  int64_t n_kept = 0;
  for (int64_t i = 0; i < n; i += 16) {
    const __m512 group = _mm512_loadu_ps(sums + i);
    const __mmask16 hits = _mm512_cmp_ps_mask(group, least, _CMP_GE_OQ);
    if (hits == 0) continue;
    const __m512i index = _mm512_add_epi32(places, _mm512_set1_epi32(static_cast<int32_t>(i)));
    _mm512_storeu_ps(values + n_kept, _mm512_maskz_compress_ps(hits, group));
    _mm512_storeu_si512(indices + n_kept, _mm512_maskz_compress_epi32(hits, index));
    n_kept += __builtin_popcount(hits);
  }
  return n_kept;
}

int64_t collect(const float* sums, int64_t n, float threshold, float* values, int32_t* indices) {
  static const bool has_avx512 = __builtin_cpu_supports("avx512f") != 0;
  return has_avx512 ? collect_avx512(sums, n, threshold, values, indices)
                    : collect_portable(sums, n, threshold, values, indices);
}
#else
int64_t collect(const float* sums, int64_t n, float threshold, float* values, int32_t* indices) {
  return collect_portable(sums, n, threshold, values, indices);
}
#endif

//! The k-th largest of the strip's maxima: at least k values of the row reach it.
float threshold_of(float* maxima, int64_t k) {
  constexpr float kSmallestPositive = std::numeric_limits<float>::denorm_min();
  if (k > kStrip) return kSmallestPositive;
  std::nth_element(maxima, maxima + k - 1, maxima + kStrip, std::greater<>());
  return std::max(maxima[k - 1], kSmallestPositive);
}

//! Drops all but the k largest of n kept values; they stay in order of index.
void drop_smallest(float* values, int32_t* indices, int64_t n, int64_t k, std::vector<float>& sorted) {
  sorted.assign(values, values + n);
  std::nth_element(sorted.begin(), sorted.begin() + k - 1, sorted.end(), std::greater<>());
  const float least = sorted[static_cast<size_t>(k - 1)];
  int64_t n_ties = k - std::count_if(values, values + n, [&](float value) { return value > least; });
  int64_t n_kept = 0;
  for (int64_t i = 0; i < n; ++i) {
    const bool tie = values[i] == least;
    if (values[i] < least || (tie && n_ties == 0)) continue;
    if (tie) --n_ties;
    values[n_kept] = values[i];
    indices[n_kept] = indices[i];
    ++n_kept;
  }
}

}  // namespace

int64_t top_k(std::span<float> products, std::span<const float> bias, std::span<float> values,
              std::span<int32_t> indices, TopKScratch& scratch) {
  const auto n = static_cast<int64_t>(products.size());
  const auto k = static_cast<int64_t>(values.size());
  const int64_t n_whole = n / kStrip * kStrip;
  // 16 more than can be kept: collect writes a whole group before it decides.
  scratch.values.resize(static_cast<size_t>(n) + 16);
  scratch.indices.resize(static_cast<size_t>(n) + 16);
  float* kept = scratch.values.data();
  int32_t* kept_indices = scratch.indices.data();

  float maxima[kStrip];
  add_and_maximize(products.data(), bias.data(), n_whole, maxima);
  const float threshold = threshold_of(maxima, k);
  int64_t n_kept = collect(products.data(), n_whole, threshold, kept, kept_indices);
  for (int64_t i = n_whole; i < n; ++i) {
    products[static_cast<size_t>(i)] += bias[static_cast<size_t>(i)];
    if (!(products[static_cast<size_t>(i)] >= threshold)) continue;
    kept[n_kept] = products[static_cast<size_t>(i)];
    kept_indices[n_kept++] = static_cast<int32_t>(i);
  }
  if (n_kept > k) {
    drop_smallest(kept, kept_indices, n_kept, k, scratch.sorted);
    n_kept = k;
  }
  std::copy_n(kept, n_kept, values.begin());
  std::copy_n(kept_indices, n_kept, indices.begin());
  std::fill(values.begin() + n_kept, values.end(), 0.0F);
  std::fill(indices.begin() + n_kept, indices.end(), -1);
  return n_kept;
}

}  // namespace saesweep::sae
