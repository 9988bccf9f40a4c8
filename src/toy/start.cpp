#include "toy/start.h"

#include <ATen/ops/empty.h>

#include <cmath>

#include "sae/parameters.h"
#include "toy/step_math.h"

namespace saesweep::toy {

namespace {

//! Makes the rows of `rows`, in float64, orthonormal in their order. Each is freed of those before it twice, after
//! which no rounding is left to speak of (Giraud et al. 2005).
void orthonormalize(at::Tensor& rows) {
  const int64_t n = rows.size(0), d = rows.size(1);
  auto* data = rows.mutable_data_ptr<double>();
  for (int64_t i = 0; i < n; ++i) {
    double* row = data + i * d;
    for (int pass = 0; pass < 2; ++pass) {
      for (int64_t j = 0; j < i; ++j) subtract_projection(data + j * d, d, row);
    }
    scale_to_unit(d, row);
  }
}

}  // namespace

at::Tensor linear_start(const Stream& stream, at::IntArrayRef shape, int64_t n_inputs) {
  at::Tensor made = at::empty(shape, at::kFloat);
  const double bound = 1.0 / std::sqrt(static_cast<double>(n_inputs));
  auto* values = made.mutable_data_ptr<float>();
  for (int64_t i = 0; i < made.numel(); ++i) {
    values[i] = static_cast<float>(bound * (2.0 * stream.uniform(static_cast<uint64_t>(i)) - 1.0));
  }
  return made;
}

at::Tensor orthogonal_start(const Stream& stream, int64_t n_rows, int64_t n_columns) {
  at::Tensor drawn = at::empty({n_rows, n_columns}, at::kDouble);
  stream.normals(0, {drawn.mutable_data_ptr<double>(), static_cast<size_t>(drawn.numel())});
  at::Tensor rows = n_rows > n_columns ? drawn.t().contiguous() : drawn;
  orthonormalize(rows);
  return (n_rows > n_columns ? rows.t() : rows).to(at::kFloat).contiguous();
}

Parameters initial_parameters(int64_t d_in, int64_t n_latents, int64_t seed) {
  Parameters start{linear_start({"toy sae encoder", seed, d_in, n_latents}, {n_latents, d_in}, d_in),
                   linear_start({"toy sae bias", seed, d_in, n_latents}, {n_latents}, d_in),
                   orthogonal_start({"toy sae decoder", seed, d_in, n_latents}, n_latents, d_in)};
  sae::normalize_rows(start.W_dec);
  return start;
}

}  // namespace saesweep::toy
