#include "toy/step_math.h"

#include <cmath>

#include "base/vectorize.h"

namespace saesweep::toy {

namespace {

SAESWEEP_VECTORIZED
float rectified_row(int64_t n, const float* bias, float* values) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < n; ++i) {
    const float value = values[i] + bias[i];
    values[i] = value < 0 ? 0.0F : value;  // what is no number stays, for the loss to tell
    sum += values[i];
  }
  return sum;
}

SAESWEEP_VECTORIZED
void rectified_gradient(int64_t rows, int64_t n, float penalty, const float* codes, float* gradient, float* sums) {
  for (int64_t row = 0; row < rows; ++row) {
    const float* code = codes + row * n;
    float* values = gradient + row * n;
    for (int64_t i = 0; i < n; ++i) {
      values[i] = code[i] > 0 ? values[i] + penalty : 0.0F;
      sums[i] += values[i];
    }
  }
}

SAESWEEP_VECTORIZED
double double_dot(const double* a, const double* b, int64_t d) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < d; ++i) sum += a[i] * b[i];
  return sum;
}

SAESWEEP_VECTORIZED
void add_scaled(double scale, const double* a, int64_t d, double* out) {
  for (int64_t i = 0; i < d; ++i) out[i] += scale * a[i];
}

}  // namespace

double add_bias_and_rectify(int64_t rows, int64_t n, const float* bias, float* values) {
  double sum = 0;
  for (int64_t row = 0; row < rows; ++row) sum += static_cast<double>(rectified_row(n, bias, values + row * n));
  return sum;
}

void back_through_relu(int64_t rows, int64_t n, float penalty, const float* codes, float* gradient, float* sums) {
  for (int64_t i = 0; i < n; ++i) sums[i] = 0;
  rectified_gradient(rows, n, penalty, codes, gradient, sums);
}

void subtract_projection(const double* unit, int64_t d, double* row) {
  add_scaled(-double_dot(row, unit, d), unit, d, row);
}

void scale_to_unit(int64_t d, double* row) {
  const double scale = 1.0 / std::sqrt(double_dot(row, row, d));
  for (int64_t i = 0; i < d; ++i) row[i] *= scale;
}

}  // namespace saesweep::toy
