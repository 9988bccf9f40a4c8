#include "sae/row_math.h"

#include <cmath>
#include <limits>

#include "base/vectorize.h"

namespace saesweep::sae {

SAESWEEP_VECTORIZED
float dot(const float* a, const float* b, int64_t d) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < d; ++i) sum += a[i] * b[i];
  return sum;
}

SAESWEEP_VECTORIZED
void add_scaled(float scale, const float* a, int64_t d, float* out) {
  for (int64_t i = 0; i < d; ++i) out[i] += scale * a[i];
}

SAESWEEP_VECTORIZED
void add_rows(const float* start, const float* values, const int32_t* latents, int64_t n, const float* W_dec, int64_t d,
              float* out) {
  for (int64_t i = 0; i < d; ++i) out[i] = start == nullptr ? 0.0F : start[i];
  for (int64_t j = 0; j < n; ++j) {
    const float* row = W_dec + latents[j] * d;
    const float value = values[j];
    for (int64_t i = 0; i < d; ++i) out[i] += value * row[i];
  }
}

SAESWEEP_VECTORIZED
float scaled_error(const float* target, int64_t d, float scale, float* out) {
  float square = 0;
#pragma omp simd reduction(+ : square)
  for (int64_t i = 0; i < d; ++i) {
    const float error = out[i] - target[i];
    square += error * error;
    out[i] = error * scale;
  }
  return square;
}

SAESWEEP_VECTORIZED
void normalize(int64_t d, float* out) {
  float square = 0;
#pragma omp simd reduction(+ : square)
  for (int64_t i = 0; i < d; ++i) square += out[i] * out[i];
  const float norm = __builtin_sqrtf(square) + std::numeric_limits<float>::epsilon();
  for (int64_t i = 0; i < d; ++i) out[i] /= norm;
}

}  // namespace saesweep::sae
