#include "train/cuda_backend.h"

#if defined(SAESWEEP_HAS_CUDA)

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include <cmath>
#include <utility>

#include "base/cuda/error.h"
#include "train/cuda/step.h"
#include "train/tensor_optimizer.h"
#include "train/tensor_step.h"
#include "train/tensor_update.h"

namespace saesweep::train::cuda {

namespace {

using saesweep::cuda::check;

const float* floats(const at::Tensor& tensor) {
  return tensor.const_data_ptr<float>();
}

//! Whether the kernels take it; ATen does what they do not.
bool fits(const sae::Sae& sae, size_t n_parts) {
  return sae.parameters.d_in() <= kWidest && n_parts <= static_cast<size_t>(kMostParts);
}

Gradient gradient_of(const sae::Sae& sae, std::span<const Part> parts) {
  Gradient gradient{.n_latents = sae.parameters.n_latents(), .d = sae.parameters.d_in(), .n_parts = 0, .parts = {}};
  for (const Part& part : parts) {
    gradient.parts[gradient.n_parts++] = {.centered = floats(part.centered),
                                          .d_x_hat = floats(part.d_x_hat),
                                          .values = floats(part.codes.values),
                                          .d_values = floats(part.d_values),
                                          .tokens = part.firings.tokens.const_data_ptr<int64_t>(),
                                          .places = part.firings.places.const_data_ptr<int64_t>(),
                                          .starts = part.firings.starts.const_data_ptr<int64_t>(),
                                          .scale = part.scale};
  }
  return gradient;
}

Moved moved(at::Tensor& parameter, OptimizerState& state) {
  return {parameter.mutable_data_ptr<float>(), state.first.mutable_data_ptr(),
          state.second.defined() ? state.second.mutable_data_ptr() : nullptr};
}

Part reconstruct_by_kernel(const sae::Sae& sae, sae::Codes codes, const at::Tensor& centered, const at::Tensor& target,
                           double weight, bool has_b_dec, double& squared_error) {
  if (!fits(sae, 1)) {
    return tensors::reconstruct(sae, std::move(codes), centered, target, weight, has_b_dec, squared_error);
  }
  Part part{std::move(codes), centered, at::empty_like(target), {}, has_b_dec};
  part.d_values = at::empty_like(part.codes.values);
  at::Tensor squares = at::empty({target.size(0)}, target.options().dtype(at::kDouble));
  check("reconstruct",
        reconstruct(target.device().index(), {.n_tokens = target.size(0),
                                              .d = target.size(1),
                                              .starts = part.codes.starts.const_data_ptr<int64_t>(),
                                              .latents = part.codes.latents.const_data_ptr<int32_t>(),
                                              .values = floats(part.codes.values),
                                              .W_dec = floats(sae.parameters.W_dec),
                                              .b_dec = has_b_dec ? floats(sae.parameters.b_dec) : nullptr,
                                              .target = floats(target),
                                              .scale = static_cast<float>(2.0 * weight),
                                              .d_x_hat = part.d_x_hat.mutable_data_ptr<float>(),
                                              .d_values = part.d_values.mutable_data_ptr<float>(),
                                              .squares = squares.mutable_data_ptr<double>()}));
  squared_error = squares.sum().item<double>();
  return part;
}

double norm_by_kernel(const sae::Sae& sae, std::span<const Part> parts, std::span<const float> d_threshold) {
  if (!fits(sae, parts.size())) return tensors::gradient_norm(sae, parts, d_threshold);
  const at::Tensor d_b_enc = tensors::b_enc_gradient(parts);
  at::Tensor squares = at::empty({sae.parameters.n_latents()}, d_b_enc.options().dtype(at::kDouble));
  check("squared_norms",
        squared_norms(d_b_enc.device().index(), gradient_of(sae, parts), squares.mutable_data_ptr<double>()));
  const at::Tensor of_b_dec = tensors::b_dec_gradient(sae, parts, d_b_enc).square().sum();
  double square = (squares.sum() + d_b_enc.square().sum(at::kDouble) + of_b_dec).item<double>();
  for (const float value : d_threshold) square += static_cast<double>(value) * value;
  return std::sqrt(square);
}

void update_by_kernel(sae::Sae& sae, SaeState& state, const OptimizerStep& step, std::span<const Part> parts,
                      bool normalizes) {
  if (!fits(sae, parts.size())) {
    tensors::update_parameters(sae, state, step, parts, normalizes);
    return;
  }
  sae::Parameters& p = sae.parameters;
  const at::Tensor d_b_enc = tensors::b_enc_gradient(parts);
  const at::Tensor d_b_dec = tensors::b_dec_gradient(sae, parts, d_b_enc);
  check("update", update(d_b_enc.device().index(), gradient_of(sae, parts),
                         {.step = step,
                          .is_wide = state.W_enc.first.scalar_type() == at::kFloat,
                          .normalizes = normalizes,
                          .d_b_enc = floats(d_b_enc),
                          .W_enc = moved(p.W_enc, state.W_enc),
                          .W_dec = moved(p.W_dec, state.W_dec),
                          .b_enc = moved(p.b_enc, state.b_enc)}));
  tensors::update_rows(step, state.b_dec, 0, d_b_dec.to(at::kFloat), p.b_dec);
}

}  // namespace

const Backend& backend() {
  static const Backend with_kernels = [] {
    Backend made = tensor_backend();
    made.reconstruct = reconstruct_by_kernel;
    made.gradient_norm = norm_by_kernel;
    made.update_parameters = update_by_kernel;
    return made;
  }();
  return with_kernels;
}

}  // namespace saesweep::train::cuda

#endif
