#include "train/optimizer.h"

#include <ATen/ops/zeros_like.h>

#include <cmath>

#include "base/vectorize.h"
#include "train/optimizer_math.h"

namespace saesweep::train {

namespace {

SAESWEEP_VECTORIZED
void adam_float32(const OptimizerStep& given, int64_t n, const float* gradient, float* parameter, float* first,
                  float* second) {
  const OptimizerStep step = given;
  for (int64_t i = 0; i < n; ++i) parameter[i] = adam(step, gradient[i], parameter[i], first[i], second[i]);
}

SAESWEEP_VECTORIZED
void adam_bfloat16(const OptimizerStep& given, uint32_t offset, int64_t n, const float* gradient, float* parameter,
                   uint16_t* first, uint16_t* second) {
  const OptimizerStep step = given;
  for (int64_t i = 0; i < n; ++i) {
    float m = widened(first[i]), v = widened(second[i]);
    parameter[i] = adam(step, gradient[i], parameter[i], m, v);
    const uint32_t noise = scrambled(step.rounding_key, offset + static_cast<uint32_t>(i));
    first[i] = rounded(m, noise & 0xFFFF);
    second[i] = rounded(v, noise >> 16);
  }
}

SAESWEEP_VECTORIZED
void signum_float32(const OptimizerStep& given, int64_t n, const float* gradient, float* y, float* z) {
  const OptimizerStep step = given;
  for (int64_t i = 0; i < n; ++i) y[i] = signum(step, gradient[i], y[i], z[i]);
}

SAESWEEP_VECTORIZED
void signum_bfloat16(const OptimizerStep& given, uint32_t offset, int64_t n, const float* gradient, float* y,
                     uint16_t* z) {
  const OptimizerStep step = given;
  for (int64_t i = 0; i < n; ++i) {
    float point = widened(z[i]);
    y[i] = signum(step, gradient[i], y[i], point);
    z[i] = rounded(point, scrambled(step.rounding_key, offset + static_cast<uint32_t>(i)) & 0xFFFF);
  }
}

uint16_t* bits_of(at::Tensor& tensor, int64_t offset) {
  return reinterpret_cast<uint16_t*>(tensor.mutable_data_ptr<at::BFloat16>()) + offset;
}

}  // namespace

OptimizerStep OptimizerStep::adam(int64_t t, double learning_rate, double epsilon) {
  const auto steps = static_cast<double>(t);
  OptimizerStep step;
  step.step_size = static_cast<float>(learning_rate / (1.0 - std::pow(kBeta1, steps)));
  step.inverse_bias2 = static_cast<float>(1.0 / std::sqrt(1.0 - std::pow(kBeta2, steps)));
  step.epsilon = static_cast<float>(epsilon);
  step.rounding_key = scrambled(0x5AE5, static_cast<uint32_t>(t));
  return step;
}

OptimizerStep OptimizerStep::signum(int64_t t, double learning_rate, double largest_rate, double weight_sum) {
  OptimizerStep step;
  step.optimizer = Optimizer::kSignum;
  step.learning_rate = static_cast<float>(learning_rate);
  step.average_share = weight_sum > 0 ? static_cast<float>(largest_rate * largest_rate / weight_sum) : 0.0F;
  step.rounding_key = scrambled(0x5AE5, static_cast<uint32_t>(t));
  return step;
}

OptimizerState::OptimizerState(const Recipe& recipe, const at::Tensor& parameter) {
  const auto dtype = recipe.has_bfloat16_state ? at::kBFloat16 : at::kFloat;
  if (recipe.optimizer == Optimizer::kSignum) {
    first = parameter.to(dtype, /*non_blocking=*/false, /*copy=*/true);
    return;
  }
  first = at::zeros_like(parameter, dtype);
  second = at::zeros_like(parameter, dtype);
}

void update(const OptimizerStep& step, OptimizerState& state, int64_t offset, int64_t n, const float* gradient,
            float* parameter) {
  const auto place = static_cast<uint32_t>(offset);
  const bool is_wide = state.first.scalar_type() == at::kFloat;
  if (step.optimizer == Optimizer::kAdam) {
    if (is_wide) {
      adam_float32(step, n, gradient, parameter, state.first.mutable_data_ptr<float>() + offset,
                   state.second.mutable_data_ptr<float>() + offset);
    } else {
      adam_bfloat16(step, place, n, gradient, parameter, bits_of(state.first, offset), bits_of(state.second, offset));
    }
  } else if (is_wide) {
    signum_float32(step, n, gradient, parameter, state.first.mutable_data_ptr<float>() + offset);
  } else {
    signum_bfloat16(step, place, n, gradient, parameter, bits_of(state.first, offset));
  }
}

void finish(Optimizer optimizer, const OptimizerState& state, at::Tensor& parameter) {
  if (optimizer == Optimizer::kAdam) return;
  parameter.lerp_(state.first.to(at::kFloat), OptimizerStep::kBack);
}

}  // namespace saesweep::train
