#include "train/backend.h"

#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include "sae/tensor_codes.h"
#include "train/cuda_backend.h"
#include "train/sparse_update.h"
#include "train/tensor_optimizer.h"
#include "train/tensor_step.h"
#include "train/tensor_update.h"

namespace saesweep::train {

namespace {

double sum_of(const at::Tensor& values) {
  const float* data = values.const_data_ptr<float>();
  double sum = 0;
  for (int64_t i = 0; i < values.numel(); ++i) sum += data[i];
  return sum;
}

void build_index(Part& part, int64_t n_latents) {
  part.index = LatentIndex(part.codes, n_latents);
}

void update_vector(const OptimizerStep& step, OptimizerState& state, std::span<const float> gradient,
                   at::Tensor& parameter) {
  update(step, state, 0, parameter.numel(), gradient.data(), parameter.mutable_data_ptr<float>());
}

void mark_fired(const sae::Codes& codes, std::span<uint8_t> fired) {
  const int32_t* latents = codes.latents.const_data_ptr<int32_t>();
  for (int64_t i = 0; i < codes.n_entries(); ++i) fired[static_cast<size_t>(latents[i])] = 1;
}

void build_firings(Part& part, int64_t n_latents) {
  part.firings = tensors::firings_of(part.codes, n_latents);
}

void update_tensor(const OptimizerStep& step, OptimizerState& state, std::span<const float> gradient,
                   at::Tensor& parameter) {
  const at::Tensor values = at::tensor(at::ArrayRef<float>(gradient.data(), gradient.size()), at::kFloat);
  tensors::update_rows(step, state, 0, values.to(parameter.device()), parameter);
}

//! One copy to the host, whatever the number of entries.
void mark_fired_tensor(const sae::Codes& codes, std::span<uint8_t> fired) {
  at::Tensor marks = at::zeros({static_cast<int64_t>(fired.size())}, codes.latents.options().dtype(at::kByte));
  marks.index_fill_(0, codes.latents.to(at::kLong), 1);
  const at::Tensor host = marks.to(at::kCPU);
  const uint8_t* data = host.const_data_ptr<uint8_t>();
  for (size_t i = 0; i < fired.size(); ++i) fired[i] |= data[i];
}

}  // namespace

const Backend& kernel_backend() {
  static constexpr Backend backend = {.moments_of = moments_of,
                                      .geometric_median = geometric_median,
                                      .center = sae::center,
                                      .training_codes = sae::training_codes,
                                      .sum_of = sum_of,
                                      .reconstruct = reconstruct,
                                      .reconstruct_nested = reconstruct_nested,
                                      .threshold_gradients = threshold_gradients,
                                      .turn_round = build_index,
                                      .gradient_norm = gradient_norm,
                                      .update_parameters = update_parameters,
                                      .update_vector = update_vector,
                                      .mark_fired = mark_fired};
  return backend;
}

const Backend& tensor_backend() {
  static constexpr Backend backend = {.moments_of = tensors::moments_of,
                                      .geometric_median = tensors::geometric_median,
                                      .center = sae::tensors::center,
                                      .training_codes = sae::tensors::training_codes,
                                      .sum_of = tensors::sum_of,
                                      .reconstruct = tensors::reconstruct,
                                      .reconstruct_nested = tensors::reconstruct_nested,
                                      .threshold_gradients = tensors::threshold_gradients,
                                      .turn_round = build_firings,
                                      .gradient_norm = tensors::gradient_norm,
                                      .update_parameters = tensors::update_parameters,
                                      .update_vector = update_tensor,
                                      .mark_fired = mark_fired_tensor};
  return backend;
}

const Backend& backend_of(at::Device device) {
#if defined(SAESWEEP_HAS_CUDA)
  if (device.is_cuda()) return cuda::backend();
#endif
  return device.is_cpu() ? kernel_backend() : tensor_backend();
}

}  // namespace saesweep::train
