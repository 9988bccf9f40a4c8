#include "sae/collect.h"

#include "base/vectorize.h"
#include "sae/tile_kernel.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace saesweep::sae {

namespace {

using Collect = int64_t (*)(const float*, const float*, int64_t, float, int32_t, float*, int32_t*);

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
//! 16 at a time: the compiler does not find the compress instruction by itself.
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

}  // namespace

int64_t collect(const float* products, const float* bias, int64_t n, float threshold, int32_t first, float* values,
                int32_t* latents) {
  static const Collect chosen = has_avx512() ? collect_avx512 : collect_portable;
  return chosen(products, bias, n, threshold, first, values, latents);
}

SAESWEEP_VECTORIZED
int64_t collect_each(const float* products, const float* bias, int64_t n, const float* thresholds, int32_t first,
                     float* values, int32_t* latents) {
  int64_t n_kept = 0;
  for (int64_t i = 0; i < n; ++i) {
    const float sum = products[i] + bias[i];
    values[n_kept] = sum;
    latents[n_kept] = first + static_cast<int32_t>(i);
    n_kept += sum > thresholds[i] ? 1 : 0;
  }
  return n_kept;
}

int64_t keep_from(float* values, int32_t* latents, int64_t n, float least, int64_t& n_ties) {
  int64_t n_kept = 0;
  for (int64_t i = 0; i < n; ++i) {
    const bool tie = values[i] == least;
    if (values[i] < least || (tie && n_ties == 0)) continue;
    if (tie) --n_ties;
    values[n_kept] = values[i];
    latents[n_kept++] = latents[i];
  }
  return n_kept;
}

}  // namespace saesweep::sae
