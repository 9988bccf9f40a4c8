#include "sae/tile_kernel.h"

#include "base/vectorize.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace saesweep::sae {

namespace {

//! 16 floats, in as many registers as the processor needs.
using Lanes = float __attribute__((vector_size(64)));

constexpr int64_t kHalf = kTileLatents / 2;

//! Three tokens by four AVX2 registers: twelve sums of the sixteen registers.
constexpr int64_t kPortableTokens = 3;

SAESWEEP_VECTORIZED
void run_portable(const void* tokens, const void* latents, int64_t depth, float* sums, bool adds) {
  const auto* x = static_cast<const float*>(tokens);
  const auto* w = static_cast<const Lanes*>(latents);
  auto* out = reinterpret_cast<Lanes*>(sums);
  Lanes low[kPortableTokens] = {}, high[kPortableTokens] = {};
  for (int64_t t = 0; adds && t < kPortableTokens; ++t) {
    low[t] = out[2 * t];
    high[t] = out[2 * t + 1];
  }
  for (int64_t i = 0; i < depth; ++i, x += kPortableTokens, w += 2) {
    for (int64_t t = 0; t < kPortableTokens; ++t) {
      low[t] += x[t] * w[0];
      high[t] += x[t] * w[1];
    }
  }
  for (int64_t t = 0; t < kPortableTokens; ++t) {
    out[2 * t] = low[t];
    out[2 * t + 1] = high[t];
  }
}

#if defined(__x86_64__)
//! 14 tokens by two registers: 28 sums of the 32 registers, two for the latents; tokens are broadcast from memory.
constexpr int kWideTokens = 14;
//! Latents this many groups ahead are fetched while the sums run.
constexpr int64_t kAhead = 8;

#define SAESWEEP_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16")))

struct Float32Steps {
  using Element = float;
  SAESWEEP_AVX512 static __m512 add(__m512 sum, float x, const float* w) {
    return _mm512_fmadd_ps(_mm512_set1_ps(x), _mm512_load_ps(w), sum);
  }
};

//! A pair of bfloat16 an element.
struct Bfloat16Steps {
  using Element = uint32_t;
  SAESWEEP_AVX512 static __m512 add(__m512 sum, uint32_t x, const uint32_t* w) {
    return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(_mm512_set1_epi32(static_cast<int>(x))),
                            reinterpret_cast<__m512bh>(_mm512_load_si512(w)));
  }
};

template <typename Steps>
SAESWEEP_AVX512 void run_wide(const void* tokens, const void* latents, int64_t depth, float* sums, bool adds) {
  const auto* x = static_cast<const typename Steps::Element*>(tokens);
  const auto* w = static_cast<const typename Steps::Element*>(latents);
  __m512 low[kWideTokens], high[kWideTokens];
#pragma GCC unroll 14
  for (int t = 0; t < kWideTokens; ++t) {
    low[t] = adds ? _mm512_load_ps(sums + t * kTileLatents) : _mm512_setzero_ps();
    high[t] = adds ? _mm512_load_ps(sums + t * kTileLatents + kHalf) : _mm512_setzero_ps();
  }
  for (int64_t i = 0; i < depth; ++i, x += kWideTokens, w += kTileLatents) {
    _mm_prefetch(reinterpret_cast<const char*>(w + kAhead * kTileLatents), _MM_HINT_T0);
    _mm_prefetch(reinterpret_cast<const char*>(w + kAhead * kTileLatents + kHalf), _MM_HINT_T0);
#pragma GCC unroll 14
    for (int t = 0; t < kWideTokens; ++t) {
      low[t] = Steps::add(low[t], x[t], w);
      high[t] = Steps::add(high[t], x[t], w + kHalf);
    }
  }
#pragma GCC unroll 14
  for (int t = 0; t < kWideTokens; ++t) {
    _mm512_store_ps(sums + t * kTileLatents, low[t]);
    _mm512_store_ps(sums + t * kTileLatents + kHalf, high[t]);
  }
}
#endif

}  // namespace

TileKernel tile_kernel(Precision precision) {
#if defined(__x86_64__)
  // All that run_wide is compiled for, but bfloat16, whose instructions the compiler uses only where they are named.
  const bool is_wide = __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
                       __builtin_cpu_supports("avx512vl") != 0;
  const bool has_bfloat16 = is_wide && __builtin_cpu_supports("avx512bf16") != 0;
  if (precision == Precision::kBfloat16 && has_bfloat16) return {kWideTokens, true, run_wide<Bfloat16Steps>};
  if (is_wide) return {kWideTokens, false, run_wide<Float32Steps>};
#endif
  return {kPortableTokens, false, run_portable};
}

}  // namespace saesweep::sae
