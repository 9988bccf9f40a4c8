#include "toy/cuda_batch_math.h"

#if defined(SAESWEEP_HAS_CUDA)

#include <ATen/ops/empty.h>

#include "base/cuda/error.h"
#include "toy/cuda/batch.h"

namespace saesweep::toy::cuda {

namespace {

using saesweep::cuda::check;

const float* floats(const at::Tensor& tensor) {
  return tensor.const_data_ptr<float>();
}

float* writable(at::Tensor& tensor) {
  return tensor.mutable_data_ptr<float>();
}

int index_of(const at::Tensor& tensor) {
  return tensor.device().index();
}

at::Tensor rectify_by_kernel(const at::Tensor& b_enc, at::Tensor& codes) {
  at::Tensor sums = at::empty({codes.size(0), codes.size(1)}, codes.options());
  check("rectify", rectify(index_of(codes), {.n_members = codes.size(0), .n = codes.size(1), .width = codes.size(2)},
                           floats(b_enc), writable(codes), writable(sums)));
  return sums;
}

at::Tensor take_error_by_kernel(const at::Tensor& x, const at::Tensor& variance, at::Tensor& x_hat) {
  at::Tensor errors = at::empty({x.size(0), x.size(1)}, x.options());
  check("take_error", take_error(index_of(x), {.n_members = x.size(0), .n = x.size(1), .width = x.size(2)}, floats(x),
                                 floats(variance), writable(x_hat), writable(errors)));
  return errors;
}

at::Tensor back_through_relu_by_kernel(const at::Tensor& penalty, const at::Tensor& codes, at::Tensor& gradient) {
  at::Tensor sums = at::empty({codes.size(0), codes.size(2)}, codes.options());
  check("back_through_relu",
        back_through_relu(index_of(codes), {.n_members = codes.size(0), .n = codes.size(1), .width = codes.size(2)},
                          floats(penalty), floats(codes), writable(gradient), writable(sums)));
  return sums;
}

void update_by_kernel(const train::OptimizerStep& step, const at::Tensor& gradient, at::Tensor& parameter,
                      train::OptimizerState& state, bool normalizes) {
  const int64_t width = parameter.size(-1);
  check("update_rows",
        update_rows(index_of(parameter), {.n_rows = parameter.numel() / width, .width = width}, step, normalizes,
                    floats(gradient), writable(parameter), writable(state.first), writable(state.second)));
}

}  // namespace

const BatchMath& batch_math() {
  static const BatchMath math{.rectify = rectify_by_kernel,
                              .take_error = take_error_by_kernel,
                              .back_through_relu = back_through_relu_by_kernel,
                              .update = update_by_kernel};
  return math;
}

}  // namespace saesweep::toy::cuda

#endif
