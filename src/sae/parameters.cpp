#include "sae/parameters.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <limits>
#include <string>

#include "base/random.h"

namespace saesweep::sae {

Parameters Parameters::to(at::Device device) const {
  return {W_enc.to(device), b_enc.to(device), W_dec.to(device), b_dec.to(device),
          threshold.defined() ? threshold.to(device) : at::Tensor()};
}

Parameters initial_parameters(int64_t d_in, const SaeOptions& options, int64_t seed) {
  const int64_t n_latents = options.n_latents(d_in);
  Parameters parameters{at::empty({n_latents, d_in}), at::zeros({n_latents}), at::empty({n_latents, d_in}),
                        at::zeros({d_in})};
  if (options.architecture == Architecture::kJumpRelu) parameters.threshold = at::zeros({n_latents});
  if (has_common_threshold(options.architecture)) parameters.threshold = at::zeros({1});
  const Stream stream{"sae start", seed, name_of(options.architecture), d_in, n_latents};
  const double bound = 1.0 / std::sqrt(static_cast<double>(d_in));
  float* weights = parameters.W_enc.mutable_data_ptr<float>();
  for (int64_t i = 0; i < n_latents * d_in; ++i) {
    weights[i] = static_cast<float>((2.0 * stream.uniform(static_cast<uint64_t>(i)) - 1.0) * bound);
  }
  parameters.W_dec.copy_(parameters.W_enc);
  normalize_rows(parameters.W_dec);
  return parameters;
}

void normalize_rows(at::Tensor& W_dec) {
  const int64_t n_rows = W_dec.size(0);
  const int64_t n = W_dec.size(1);
  float* data = W_dec.mutable_data_ptr<float>();
  for (int64_t row = 0; row < n_rows; ++row) {
    float* weights = data + row * n;
    double square = 0;
    for (int64_t i = 0; i < n; ++i) square += static_cast<double>(weights[i]) * weights[i];
    const auto scale = static_cast<float>(1.0 / (std::sqrt(square) + std::numeric_limits<float>::epsilon()));
    for (int64_t i = 0; i < n; ++i) weights[i] *= scale;
  }
}

}  // namespace saesweep::sae
