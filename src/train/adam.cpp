#include "train/adam.h"

#include <ATen/ops/zeros_like.h>

#include <cmath>

#include "base/vectorize.h"

namespace saesweep::train {

AdamCoefficients AdamCoefficients::at_step(int64_t t, double learning_rate) {
  const auto steps = static_cast<double>(t);
  return {static_cast<float>(learning_rate / (1.0 - std::pow(kBeta1, steps))),
          static_cast<float>(1.0 / std::sqrt(1.0 - std::pow(kBeta2, steps)))};
}

Moments Moments::zeros_like(const at::Tensor& parameter) {
  return {at::zeros_like(parameter), at::zeros_like(parameter)};
}

SAESWEEP_VECTORIZED
void adam_update(const AdamCoefficients& adam, int64_t n, const float* gradient, float* parameter, float* first,
                 float* second) {
  constexpr auto kOneLessBeta1 = static_cast<float>(1.0 - AdamCoefficients::kBeta1);
  constexpr auto kBeta2 = static_cast<float>(AdamCoefficients::kBeta2);
  constexpr auto kOneLessBeta2 = static_cast<float>(1.0 - AdamCoefficients::kBeta2);
  constexpr auto kEpsilon = static_cast<float>(AdamCoefficients::kEpsilon);
  const float step_size = adam.step_size;
  const float inverse_bias2 = adam.inverse_bias2;
  for (int64_t i = 0; i < n; ++i) {
    const float g = gradient[i];
    const float m = first[i] + kOneLessBeta1 * (g - first[i]);
    const float v = kBeta2 * second[i] + kOneLessBeta2 * g * g;
    first[i] = m;
    second[i] = v;
    parameter[i] -= step_size * m / (__builtin_sqrtf(v) * inverse_bias2 + kEpsilon);
  }
}

}  // namespace saesweep::train
