#include "train/tensor_step.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/searchsorted.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "sae/tensor_codes.h"

namespace saesweep::train::tensors {

namespace {

constexpr int64_t kChunkElements = int64_t{1} << 22;
constexpr int kMostRounds = 100;
constexpr double kStill = 1e-5;

//! Calls work(first, n) for pieces of n_rows rows of d elements.
void for_each_chunk(int64_t n_rows, int64_t d, const std::function<void(int64_t, int64_t)>& work) {
  const int64_t rows = std::max<int64_t>(1, kChunkElements / d);
  for (int64_t first = 0; first < n_rows; first += rows) work(first, std::min(rows, n_rows - first));
}

//! Sum over rows of x, each times its weight (float64 [rows]; undefined: 1), float64 [d].
at::Tensor row_sum(const at::Tensor& x, const at::Tensor& weights = {}) {
  at::Tensor sum = at::zeros({x.size(1)}, x.options().dtype(at::kDouble));
  for_each_chunk(x.size(0), x.size(1), [&](int64_t first, int64_t n) {
    const at::Tensor rows = x.narrow(0, first, n).to(at::kDouble);
    sum.add_(weights.defined() ? (rows * weights.narrow(0, first, n).unsqueeze(1)).sum(0) : rows.sum(0));
  });
  return sum;
}

//! Squared distance of each row of x from a point, float64 [rows].
at::Tensor squared_distances(const at::Tensor& x, const at::Tensor& point) {
  std::vector<at::Tensor> parts;
  for_each_chunk(x.size(0), x.size(1), [&](int64_t first, int64_t n) {
    parts.push_back((x.narrow(0, first, n).to(at::kDouble) - point).square_().sum(1));
  });
  return at::cat(parts);
}

double sum_of_squares(const at::Tensor& rows) {
  return squared_distances(rows, at::zeros({1}, rows.options().dtype(at::kDouble))).sum().item<double>();
}

std::vector<double> on_host(const at::Tensor& values) {
  const at::Tensor host = values.to(at::kCPU).contiguous();
  const double* data = host.const_data_ptr<double>();
  return {data, data + host.numel()};
}

//! The gradients of all values of codes: that of the reconstruction along their rows of W_dec.
at::Tensor value_gradients(const sae::Sae& sae, const sae::Codes& codes, const at::Tensor& d_x_hat) {
  at::Tensor gradients = at::empty_like(codes.values);
  const at::Tensor tokens = sae::tensors::tokens_of(codes);
  for_each_chunk(codes.n_entries(), d_x_hat.size(1), [&](int64_t first, int64_t n) {
    const at::Tensor rows = d_x_hat.index_select(0, tokens.narrow(0, first, n));
    const at::Tensor atoms = sae.parameters.W_dec.index_select(0, codes.latents.narrow(0, first, n));
    gradients.narrow(0, first, n).copy_((rows * atoms).sum(1));
  });
  return gradients;
}

at::Tensor decoded(const sae::Sae& sae, const sae::Codes& codes) {
  return sae::tensors::bag_sums(sae.parameters.W_dec, codes.latents, codes.starts, codes.values);
}

}  // namespace

BatchMoments moments_of(const at::Tensor& x) {
  const at::Tensor mean = row_sum(x) / static_cast<double>(x.size(0));
  return {on_host(mean), squared_distances(x, mean).sum().item<double>()};
}

std::vector<double> geometric_median(const at::Tensor& x) {
  at::Tensor guess = row_sum(x) / static_cast<double>(x.size(0));
  for (int round = 0; round < kMostRounds; ++round) {
    const at::Tensor distances = squared_distances(x, guess).sqrt_();
    const double mean_distance = distances.mean().item<double>();
    if (!(mean_distance > 0)) break;
    const at::Tensor weights = distances.clamp_min(1e-9 * mean_distance).reciprocal();
    const at::Tensor next = row_sum(x, weights / weights.sum());
    const double moved = (next - guess).norm().item<double>();
    guess = next;
    if (moved < kStill) break;
  }
  return on_host(guess);
}

double sum_of(const at::Tensor& values) {
  return values.sum(at::kDouble).item<double>();
}

Part reconstruct(const sae::Sae& sae, sae::Codes codes, const at::Tensor& centered, const at::Tensor& target,
                 double weight, bool has_b_dec, double& squared_error) {
  at::Tensor error = decoded(sae, codes);
  if (has_b_dec) error.add_(sae.parameters.b_dec);
  error.sub_(target);
  squared_error = sum_of_squares(error);
  error.mul_(2.0 * weight);
  const at::Tensor d_values = value_gradients(sae, codes, error);
  return {std::move(codes), centered, error, d_values, has_b_dec};
}

std::vector<Part> reconstruct_nested(const sae::Sae& sae, const sae::Codes& codes, const at::Tensor& centered,
                                     const at::Tensor& x, double weight, double& squared_error,
                                     double& summed_squared_errors) {
  std::vector<Part> parts;
  at::Tensor x_hat = sae.parameters.b_dec.expand_as(x);
  summed_squared_errors = 0;
  int64_t first = 0;
  for (const int64_t last : sae.matryoshka_sizes) {
    sae::Codes own = sae::tensors::filtered(codes, (codes.latents >= first).logical_and_(codes.latents < last));
    x_hat = x_hat + decoded(sae, own);
    at::Tensor error = x_hat - x;
    squared_error = sum_of_squares(error);
    summed_squared_errors += squared_error;
    parts.push_back({std::move(own), centered, error.mul_(2.0 * weight), {}, first == 0});
    first = last;
  }
  for (size_t i = parts.size(); i-- > 0;) {
    if (i + 1 < parts.size()) parts[i].d_x_hat.add_(parts[i + 1].d_x_hat);
    parts[i].d_values = value_gradients(sae, parts[i].codes, parts[i].d_x_hat);
  }
  return parts;
}

std::vector<float> threshold_gradients(const sae::Sae& sae, const sae::Codes& near, const at::Tensor& d_x_hat,
                                       double l0_gradient, double bandwidth) {
  const at::Tensor thresholds = sae.parameters.threshold.index_select(0, near.latents);
  const at::Tensor terms = (value_gradients(sae, near, d_x_hat).to(at::kDouble) * thresholds).add_(l0_gradient);
  const FiringTensors firings = firings_of(near, sae.parameters.n_latents());
  const at::Tensor sums = sae::tensors::bag_sums(terms.unsqueeze(1), firings.places, firings.starts);
  const std::vector<double> gradients = on_host(sums.div_(-bandwidth));
  return {gradients.begin(), gradients.end()};
}

FiringTensors firings_of(const sae::Codes& codes, int64_t n_latents) {
  const auto [latents, places] = codes.latents.sort(/*stable=*/true, 0, /*descending=*/false);
  const at::Tensor bounds = at::arange(n_latents + 1, codes.latents.options());
  return {sae::tensors::tokens_of(codes).index_select(0, places), places, at::searchsorted(latents, bounds)};
}

}  // namespace saesweep::train::tensors
