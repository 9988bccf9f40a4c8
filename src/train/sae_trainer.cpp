#include "train/sae_trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/errors.h"
#include "train/schedule.h"

namespace saesweep::train {

namespace {

//! Mean over tokens, [d_in], and the sum over tokens and dimensions of squared deviations from it. In float64, in
//! the order of tokens. x: [tokens, d_in].
struct BatchMoments {
  std::vector<double> mean;
  double total_variance = 0;
};

BatchMoments moments_of(const at::Tensor& x) {
  const int64_t n = x.size(0);
  const int64_t d = x.size(1);
  const float* data = x.const_data_ptr<float>();
  BatchMoments moments{std::vector<double>(static_cast<size_t>(d), 0.0)};
  for (int64_t t = 0; t < n; ++t) {
    for (int64_t i = 0; i < d; ++i) moments.mean[static_cast<size_t>(i)] += data[t * d + i];
  }
  for (double& mean : moments.mean) mean /= static_cast<double>(n);
  std::vector<double> squares(static_cast<size_t>(d), 0.0);
  for (int64_t t = 0; t < n; ++t) {
    for (int64_t i = 0; i < d; ++i) {
      const double deviation = data[t * d + i] - moments.mean[static_cast<size_t>(i)];
      squares[static_cast<size_t>(i)] += deviation * deviation;
    }
  }
  for (const double square : squares) moments.total_variance += square;
  return moments;
}

}  // namespace

SaeTrainer::SaeTrainer(int64_t d_in, const sae::SaeOptions& sae, const TrainOptions& train, int64_t seed)
    : options_(train),
      n_steps_(train.tokens / train.batch_tokens),
      peak_learning_rate_(train.learning_rate.value_or(sparsify_learning_rate(sae.n_latents(d_in)))),
      sae_{sae::initial_parameters(d_in, sae.n_latents(d_in), sae.architecture, seed), sae.k},
      moments_{Moments::zeros_like(sae_.parameters.W_enc), Moments::zeros_like(sae_.parameters.b_enc),
               Moments::zeros_like(sae_.parameters.W_dec), Moments::zeros_like(sae_.parameters.b_dec)},
      index_(sae.n_latents(d_in)),
      tokens_since_fired_(static_cast<size_t>(sae.n_latents(d_in)), 0) {}

StepReport SaeTrainer::step(const at::Tensor& x) {
  const BatchMoments batch = moments_of(x);
  if (steps_done_ == 0) {
    float* b_dec = sae_.parameters.b_dec.mutable_data_ptr<float>();
    std::transform(batch.mean.begin(), batch.mean.end(), b_dec, [](double mean) { return static_cast<float>(mean); });
  }
  const double learning_rate = peak_learning_rate_ * linear_schedule(steps_done_, options_.warmup_steps, n_steps_);
  const at::Tensor centered = sae::center(sae_, x);
  const sae::Codes codes = sae::encode_centered(sae_, centered);
  const BatchGradients gradients = backward_to_codes(sae_, codes, x, batch.total_variance);
  const double loss = gradients.squared_error / batch.total_variance;
  if (!std::isfinite(loss)) {
    throw NumericError(
        fmt::format("training diverged: loss {} at step {}, learning rate {:.3g}", loss, steps_done_, learning_rate));
  }
  index_.build(codes);
  count_firings(codes);
  update_parameters(sae_, moments_, AdamCoefficients::at_step(steps_done_ + 1, learning_rate), codes, index_, gradients,
                    centered);
  const double n_active = static_cast<double>(index_.n_firings());
  return {steps_done_++, learning_rate, loss, n_active / static_cast<double>(x.size(0)), dead_fraction()};
}

void SaeTrainer::count_firings(const sae::Codes& codes) {
  for (size_t latent = 0; latent < tokens_since_fired_.size(); ++latent) {
    const bool fired = !index_.firings(static_cast<int64_t>(latent)).empty();
    tokens_since_fired_[latent] = fired ? 0 : tokens_since_fired_[latent] + codes.n_tokens();
  }
}

double SaeTrainer::dead_fraction() const {
  const auto n_dead = std::count_if(tokens_since_fired_.begin(), tokens_since_fired_.end(),
                                    [this](int64_t tokens) { return tokens >= options_.dead_after_tokens; });
  return static_cast<double>(n_dead) / static_cast<double>(tokens_since_fired_.size());
}

}  // namespace saesweep::train
