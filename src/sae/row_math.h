#pragma once

#include <cstdint>

namespace saesweep::sae {

//! Vectorized loops over the d elements of a row.

//! Sum of a[i] * b[i].
float dot(const float* a, const float* b, int64_t d);
//! out[i] += scale * a[i].
void add_scaled(float scale, const float* a, int64_t d, float* out);
//! out = start (zeros where null), plus the sum over n entries of value * row of W_dec.
void add_rows(const float* start, const float* values, const int32_t* latents, int64_t n, const float* W_dec, int64_t d,
              float* out);
//! out = (out - target) * scale; returns the sum of (out - target)^2.
float scaled_error(const float* target, int64_t d, float scale, float* out);
//! out[i] /= |out| + float epsilon.
void normalize(int64_t d, float* out);

}  // namespace saesweep::sae
