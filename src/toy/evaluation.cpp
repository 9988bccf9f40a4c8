#include "toy/evaluation.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "metrics/matching.h"
#include "metrics/reconstruction.h"
#include "metrics/sparsity.h"

namespace saesweep::toy {

namespace {

constexpr int64_t kSamplesAtATime = 250;

//! Sums in float64, in the order of samples.
class Sums {
 public:
  Sums(int64_t d_in, int64_t n_latents)
      : sum_(static_cast<size_t>(d_in), 0.0), square_(sum_), is_active_(static_cast<size_t>(n_latents), 0) {}

  void add_reconstruction(const float* x, const float* x_hat, double mean, double deviation) {
    double error = 0, product = 0, norm = 0, norm_hat = 0;
    for (size_t i = 0; i < sum_.size(); ++i) {
      const double value = x[i] * deviation + mean, value_hat = x_hat[i] * deviation + mean;
      sum_[i] += value;
      square_[i] += value * value;
      error += (value - value_hat) * (value - value_hat);
      product += value * value_hat;
      norm += value * value;
      norm_hat += value_hat * value_hat;
    }
    ++n_;
    error_ += error;
    if (!(norm > 0 && norm_hat > 0)) return;
    cosine_ += product / std::sqrt(norm * norm_hat);
    ++n_cosines_;
  }

  void add_codes(std::span<const float> codes) {
    double l1 = 0, l2 = 0;
    for (size_t i = 0; i < codes.size(); ++i) {
      if (codes[i] <= 0) continue;
      is_active_[i] = 1;
      norms_.l0 += 1;
      l1 += codes[i];
      l2 += static_cast<double>(codes[i]) * codes[i];
    }
    norms_.l1 += l1;
    norms_.l2 += std::sqrt(l2);
  }

  Evaluation evaluation() const {
    const auto n = static_cast<double>(n_);
    const metrics::MeanNorms norms{norms_.l0 / n, norms_.l1 / n, norms_.l2 / n};
    const auto n_latents = std::ssize(is_active_);
    const auto n_active = std::ranges::count(is_active_, 1);
    return {.samples = n_,
            .explained_variance = metrics::explained_variance(error_, metrics::total_variance(sum_, square_, n_)),
            .cosine_similarity = cosine_ / static_cast<double>(n_cosines_),
            .mse = error_ / (n * static_cast<double>(sum_.size())),
            .l0 = norms.l0,
            .l1 = norms.l1,
            .l1_sqrt_l2 = metrics::l1_over_root_l2(norms),
            .hoyer = metrics::hoyer_sparsity(norms, n_latents),
            .dead_fraction = 1.0 - static_cast<double>(n_active) / static_cast<double>(n_latents)};
  }

 private:
  int64_t n_ = 0, n_cosines_ = 0;
  double error_ = 0, cosine_ = 0;
  std::vector<double> sum_, square_;
  metrics::MeanNorms norms_;
  std::vector<uint8_t> is_active_;
};

std::span<const float> values_of(const at::Tensor& tensor) {
  return {tensor.const_data_ptr<float>(), static_cast<size_t>(tensor.numel())};
}

}  // namespace

Evaluation evaluate(const Parameters& parameters, const Standardized& held_out, const at::Tensor& features) {
  const c10::NoGradGuard guard;
  const int64_t d = held_out.d_in(), n_latents = parameters.W_enc.size(0);
  Sums sums(d, n_latents);
  for (int64_t first = 0; first < held_out.n(); first += kSamplesAtATime) {
    const int64_t n = std::min(kSamplesAtATime, held_out.n() - first);
    const at::Tensor x = held_out.x.narrow(0, first, n);
    const at::Tensor codes = at::addmm(parameters.b_enc, x, parameters.W_enc.t()).relu_();
    const at::Tensor x_hat = at::mm(codes, parameters.W_dec);
    for (int64_t i = 0; i < n; ++i) {
      sums.add_reconstruction(x.const_data_ptr<float>() + i * d, x_hat.const_data_ptr<float>() + i * d,
                              held_out.mean.const_data_ptr<float>()[first + i],
                              held_out.deviation.const_data_ptr<float>()[first + i]);
      sums.add_codes(values_of(codes).subspan(static_cast<size_t>(i * n_latents), static_cast<size_t>(n_latents)));
    }
  }
  Evaluation made = sums.evaluation();
  // Both have unit rows.
  const at::Tensor cosines = features.defined() ? at::mm(features, parameters.W_dec.t()) : at::empty({0}, at::kFloat);
  made.mmcs = metrics::mean_max_cosine(values_of(cosines), n_latents);
  return made;
}

}  // namespace saesweep::toy
