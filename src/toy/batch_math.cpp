#include "toy/batch_math.h"

#include <ATen/TensorOperators.h>

#include <limits>

#include "toy/cuda_batch_math.h"
#include "train/tensor_optimizer.h"

namespace saesweep::toy {

namespace {

at::Tensor rectify(const at::Tensor& b_enc, at::Tensor& codes) {
  return codes.add_(b_enc.unsqueeze(1)).relu_().sum({2});
}

at::Tensor take_error(const at::Tensor& x, const at::Tensor& variance, at::Tensor& x_hat) {
  const at::Tensor weight = variance.unsqueeze(2);
  const at::Tensor errors = x_hat.sub_(x).square().mul_(weight).sum({2});
  x_hat.mul_(weight * (2.0 / static_cast<double>(x.size(1) * x.size(2))));
  return errors;
}

at::Tensor back_through_relu(const at::Tensor& penalty, const at::Tensor& codes, at::Tensor& gradient) {
  return gradient.add_(penalty.view({-1, 1, 1})).mul_(codes.gt(0)).sum({1});
}

void update(const train::OptimizerStep& step, const at::Tensor& gradient, at::Tensor& parameter,
            train::OptimizerState& state, bool normalizes) {
  train::tensors::update_rows(step, state, 0, gradient, parameter);
  if (!normalizes) return;
  parameter.div_(parameter.norm(2, {-1}, /*keepdim=*/true).add_(std::numeric_limits<float>::epsilon()));
}

}  // namespace

const BatchMath& tensor_math() {
  static const BatchMath math{
      .rectify = rectify, .take_error = take_error, .back_through_relu = back_through_relu, .update = update};
  return math;
}

const BatchMath& batch_math_of([[maybe_unused]] at::Device device) {
#if defined(SAESWEEP_HAS_CUDA)
  if (device.is_cuda()) return cuda::batch_math();
#endif
  return tensor_math();
}

}  // namespace saesweep::toy
