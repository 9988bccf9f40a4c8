#include "train/part.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include <algorithm>
#include <numeric>

#include "sae/row_math.h"
#include "train/token_blocks.h"

namespace saesweep::train {

namespace {

//! The entries of codes as plain arrays.
struct Entries {
  explicit Entries(const sae::Codes& codes)
      : starts(codes.starts.const_data_ptr<int64_t>()),
        latents(codes.latents.const_data_ptr<int32_t>()),
        values(codes.values.const_data_ptr<float>()) {}

  int64_t n(int64_t token) const { return starts[token + 1] - starts[token]; }

  const int64_t* starts;
  const int32_t* latents;
  const float* values;
};

//! The gradients of a token's values: that of its reconstruction along their rows of W_dec.
void value_gradients(const Entries& entries, int64_t token, const float* d_x_hat, const float* W_dec, int64_t d,
                     float* d_values) {
  for (int64_t i = entries.starts[token]; i < entries.starts[token + 1]; ++i) {
    d_values[i] = sae::dot(d_x_hat, W_dec + entries.latents[i] * d, d);
  }
}

Part empty_part(sae::Codes codes, const at::Tensor& centered, bool has_b_dec) {
  const at::Tensor values = at::empty_like(codes.values);
  return {std::move(codes), centered, at::empty_like(centered), values, has_b_dec};
}

}  // namespace

Part reconstruct(const sae::Sae& sae, sae::Codes codes, const at::Tensor& centered, const at::Tensor& target,
                 double weight, bool has_b_dec, double& squared_error) {
  Part part = empty_part(std::move(codes), centered, has_b_dec);
  const Entries entries(part.codes);
  const int64_t d = target.size(1);
  const float* W_dec = sae.parameters.W_dec.const_data_ptr<float>();
  const float* start = has_b_dec ? sae.parameters.b_dec.const_data_ptr<float>() : nullptr;
  const float* targets = target.const_data_ptr<float>();
  float* d_x_hat = part.d_x_hat.mutable_data_ptr<float>();
  float* d_values = part.d_values.mutable_data_ptr<float>();
  const auto scale = static_cast<float>(2.0 * weight);
  squared_error = sum_over_tokens(target.size(0), [&](int64_t t) -> double {
    const int64_t first = entries.starts[t];
    float* row = d_x_hat + t * d;
    sae::add_rows(start, entries.values + first, entries.latents + first, entries.n(t), W_dec, d, row);
    const float square = sae::scaled_error(targets + t * d, d, scale, row);
    value_gradients(entries, t, row, W_dec, d, d_values);
    return square;
  });
  return part;
}

std::vector<Part> reconstruct_nested(const sae::Sae& sae, const sae::Codes& codes, const at::Tensor& centered,
                                     const at::Tensor& x, double weight, double& squared_error,
                                     double& summed_squared_errors) {
  const int64_t d = x.size(1);
  std::vector<Part> parts;
  int64_t first = 0;
  for (const int64_t last : sae.matryoshka_sizes) {
    const auto is_new = [&](int64_t, float, int32_t latent) { return latent >= first && latent < last; };
    parts.push_back(empty_part(sae::filtered(codes, is_new), centered, first == 0));
    first = last;
  }
  const float* W_dec = sae.parameters.W_dec.const_data_ptr<float>();
  const float* b_dec = sae.parameters.b_dec.const_data_ptr<float>();
  const float* targets = x.const_data_ptr<float>();
  const auto scale = static_cast<float>(2.0 * weight);
  std::vector<Entries> entries;
  std::vector<float*> d_x_hats, d_values;
  for (Part& part : parts) {
    entries.emplace_back(part.codes);
    d_x_hats.push_back(part.d_x_hat.mutable_data_ptr<float>());
    d_values.push_back(part.d_values.mutable_data_ptr<float>());
  }
  std::vector<double> widest(static_cast<size_t>(x.size(0)));
  summed_squared_errors = sum_over_tokens(x.size(0), [&](int64_t t) {
    std::vector<float> x_hat(b_dec, b_dec + d);
    double square = 0, sum = 0;
    for (size_t i = 0; i < parts.size(); ++i) {
      const int64_t begin = entries[i].starts[t];
      std::vector<float> wider(static_cast<size_t>(d));
      sae::add_rows(x_hat.data(), entries[i].values + begin, entries[i].latents + begin, entries[i].n(t), W_dec, d,
                    wider.data());
      x_hat = wider;
      float* row = d_x_hats[i] + t * d;
      std::copy(x_hat.begin(), x_hat.end(), row);
      square = sae::scaled_error(targets + t * d, d, scale, row);
      sum += square;
    }
    for (size_t i = parts.size(); i-- > 0;) {
      float* row = d_x_hats[i] + t * d;
      if (i + 1 < parts.size()) sae::add_scaled(1.0F, d_x_hats[i + 1] + t * d, d, row);
      value_gradients(entries[i], t, row, W_dec, d, d_values[i]);
    }
    widest[static_cast<size_t>(t)] = square;
    return sum;
  });
  squared_error = std::accumulate(widest.begin(), widest.end(), 0.0);
  return parts;
}

std::vector<float> threshold_gradients(const sae::Sae& sae, const sae::Codes& near, const at::Tensor& d_x_hat,
                                       double l0_gradient, double bandwidth) {
  const int64_t d = sae.parameters.d_in();
  const float* thresholds = sae.parameters.threshold.const_data_ptr<float>();
  const float* W_dec = sae.parameters.W_dec.const_data_ptr<float>();
  const float* rows = d_x_hat.const_data_ptr<float>();
  const Entries entries(near);
  std::vector<double> sums(static_cast<size_t>(sae.parameters.n_latents()), 0.0);
  for (int64_t t = 0; t < near.n_tokens(); ++t) {
    for (int64_t i = entries.starts[t]; i < entries.starts[t + 1]; ++i) {
      const int32_t latent = entries.latents[i];
      const double d_value = sae::dot(rows + t * d, W_dec + latent * d, d);
      sums[static_cast<size_t>(latent)] -= (thresholds[latent] * d_value + l0_gradient) / bandwidth;
    }
  }
  return {sums.begin(), sums.end()};
}

}  // namespace saesweep::train
