#include "train/tensor_optimizer.h"

#include <ATen/ops/arange.h>

namespace saesweep::train::tensors {

namespace {

constexpr int64_t kLow32 = 0xFFFFFFFF;

//! 32 random bits for each element of a tensor of this shape that begins at place offset: those of train/optimizer.cpp.
at::Tensor draws(uint32_t key, int64_t offset, const at::Tensor& like) {
  at::Tensor bits = at::arange(offset, offset + like.numel(), like.options().dtype(at::kLong)).view(like.sizes());
  const auto multiply = [](at::Tensor& tensor, int64_t factor) { tensor.mul_(factor).bitwise_and_(kLow32); };
  bits.bitwise_and_(kLow32);
  multiply(bits, 0x9E3779B9);
  bits.bitwise_xor_(int64_t{key});
  bits.bitwise_xor_(bits.bitwise_right_shift(16));
  multiply(bits, 0x85EBCA6B);
  bits.bitwise_xor_(bits.bitwise_right_shift(13));
  multiply(bits, 0xC2B2AE35);
  return bits.bitwise_xor_(bits.bitwise_right_shift(16));
}

//! value as bfloat16, rounded up with the probability of what is cut off. noise: 16 uniform bits each.
at::Tensor rounded(const at::Tensor& value, const at::Tensor& noise) {
  const at::Tensor bits = value.view(at::kInt).to(at::kLong).bitwise_and_(kLow32).add_(noise);
  return bits.bitwise_right_shift(16).bitwise_and_(0xFFFF).to(at::kShort).view(at::kBFloat16);
}

//! Moves float32 moments.
void adam(const OptimizerStep& step, const at::Tensor& gradient, at::Tensor& parameter, at::Tensor& first,
          at::Tensor& second) {
  first.lerp_(gradient, 1.0 - OptimizerStep::kBeta1);
  second.mul_(OptimizerStep::kBeta2).addcmul_(gradient, gradient, 1.0 - OptimizerStep::kBeta2);
  parameter.addcdiv_(first, second.sqrt().mul_(step.inverse_bias2).add_(step.epsilon), -step.step_size);
}

//! Moves y and the float32 point z.
void signum(const OptimizerStep& step, const at::Tensor& gradient, at::Tensor& y, at::Tensor& z) {
  y.lerp_(z, OptimizerStep::kBack);
  z.add_(gradient.sign(), -step.learning_rate);
  y.lerp_(z, step.average_share).lerp_(z, OptimizerStep::kForth);
}

}  // namespace

void update_rows(const OptimizerStep& step, OptimizerState& state, int64_t first, const at::Tensor& gradient,
                 at::Tensor& parameter) {
  const int64_t n = gradient.size(0);
  at::Tensor values = parameter.narrow(0, first, n);
  at::Tensor first_state = state.first.narrow(0, first, n);
  const bool is_adam = step.optimizer == Optimizer::kAdam;
  at::Tensor second_state = is_adam ? state.second.narrow(0, first, n) : at::Tensor();
  // float32 states are moved in place, wider copies of bfloat16 ones rounded back.
  at::Tensor one = first_state.to(at::kFloat);
  at::Tensor two = is_adam ? second_state.to(at::kFloat) : at::Tensor();
  if (is_adam) {
    adam(step, gradient, values, one, two);
  } else {
    signum(step, gradient, values, one);
  }
  if (first_state.scalar_type() == at::kFloat) return;
  const at::Tensor noise = draws(step.rounding_key, first * (gradient.numel() / n), gradient);
  first_state.copy_(rounded(one, noise.bitwise_and(0xFFFF)));
  if (is_adam) second_state.copy_(rounded(two, noise.bitwise_right_shift(16)));
}

}  // namespace saesweep::train::tensors
