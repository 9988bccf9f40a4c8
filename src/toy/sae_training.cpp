#include "toy/sae_training.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/errors.h"
#include "base/random.h"
#include "base/stopwatch.h"
#include "sae/row_math.h"
#include "toy/step_math.h"
#include "train/optimizer.h"

namespace saesweep::toy {

namespace {

constexpr double kEpsilon = 1e-8;
//! Products of a step: codes, reconstruction, codes' gradient, and the gradients of both matrices.
constexpr double kProducts = 5;

//! Neighbouring latents with their parameters' views, codes and the optimizer's state.
struct Block {
  at::Tensor W_enc, b_enc, W_dec;
  at::Tensor codes, gradient;  //!< [batch, latents]
  train::OptimizerState encoder = {}, bias = {}, decoder = {};
};

class Training {
 public:
  Training(const Standardized& data, const TrainingSettings& settings, Parameters& parameters);

  void run(const std::function<bool()>& is_stopped);
  const TrainingReport& report() const { return report_; }

 private:
  void step(std::span<const uint32_t> samples);
  void gather(std::span<const uint32_t> samples);
  void encode_and_decode(Block& block, int64_t n, bool is_first);
  double take_error(std::span<const uint32_t> samples);
  void update(Block& block, int64_t n, const train::OptimizerStep& step);
  template <typename Product>
  void timed(const Product& product);

  const Standardized& data_;
  const TrainingSettings& settings_;
  int64_t batch_, d_, n_latents_;
  std::vector<Block> blocks_;
  at::Tensor x_, error_, matrix_gradient_, bias_gradient_;
  double activation_ = 0;
  int64_t n_steps_ = 0;
  TrainingReport report_;
};

Training::Training(const Standardized& data, const TrainingSettings& settings, Parameters& parameters)
    : data_(data),
      settings_(settings),
      batch_(std::min(settings.options.batch, data.n())),
      d_(data.d_in()),
      n_latents_(parameters.W_enc.size(0)) {
  const train::Recipe recipe{.adam_epsilon = kEpsilon};
  for (int64_t first = 0; first < n_latents_; first += kLatentsAtATime) {
    const int64_t n = std::min(kLatentsAtATime, n_latents_ - first);
    Block block{.W_enc = parameters.W_enc.narrow(0, first, n),
                .b_enc = parameters.b_enc.narrow(0, first, n),
                .W_dec = parameters.W_dec.narrow(0, first, n),
                .codes = at::empty({batch_, n}, at::kFloat),
                .gradient = at::empty({batch_, n}, at::kFloat)};
    block.encoder = train::OptimizerState(recipe, block.W_enc);
    block.bias = train::OptimizerState(recipe, block.b_enc);
    block.decoder = train::OptimizerState(recipe, block.W_dec);
    blocks_.push_back(std::move(block));
  }
  x_ = at::empty({batch_, d_}, at::kFloat);
  error_ = at::empty({batch_, d_}, at::kFloat);
  matrix_gradient_ = at::empty({kLatentsAtATime, d_}, at::kFloat);
  bias_gradient_ = at::empty({kLatentsAtATime}, at::kFloat);
}

template <typename Product>
void Training::timed(const Product& product) {
  const Stopwatch watch;
  product();
  report_.product_seconds += watch.seconds();
}

void Training::gather(std::span<const uint32_t> samples) {
  const auto* rows = data_.x.const_data_ptr<float>();
  auto* out = x_.mutable_data_ptr<float>();
  for (const uint32_t sample : samples) out = std::copy_n(rows + sample * d_, d_, out);
}

//! Codes of a block, and its part of the reconstruction, which gathers in error_.
void Training::encode_and_decode(Block& block, int64_t n, bool is_first) {
  at::Tensor codes = block.codes.narrow(0, 0, n);
  at::Tensor sum = error_.narrow(0, 0, n);
  timed([&] { at::mm_out(codes, x_.narrow(0, 0, n), block.W_enc.t()); });
  activation_ +=
      add_bias_and_rectify(n, codes.size(1), block.b_enc.const_data_ptr<float>(), codes.mutable_data_ptr<float>());
  timed([&] {
    if (is_first) {
      at::mm_out(sum, codes, block.W_dec);
    } else {
      at::addmm_out(sum, sum, codes, block.W_dec);
    }
  });
}

//! Turns the reconstruction into the loss's gradient; returns the squared error, as samples were before.
double Training::take_error(std::span<const uint32_t> samples) {
  const auto n = static_cast<double>(std::ssize(samples) * d_);
  const auto* deviations = data_.deviation.const_data_ptr<float>();
  double loss = 0;
  for (size_t i = 0; i < samples.size(); ++i) {
    const int64_t place = static_cast<int64_t>(i) * d_;
    const double variance = static_cast<double>(deviations[samples[i]]) * deviations[samples[i]];
    const float square =
        sae::scaled_error(x_.const_data_ptr<float>() + place, d_, static_cast<float>(2.0 * variance / n),
                          error_.mutable_data_ptr<float>() + place);
    loss += variance * static_cast<double>(square);
  }
  return loss / n;
}

//! Gradients of a block's parameters, and their step.
void Training::update(Block& block, int64_t n, const train::OptimizerStep& step) {
  const int64_t n_latents = block.b_enc.size(0);
  const at::Tensor error = error_.narrow(0, 0, n);
  const at::Tensor codes = block.codes.narrow(0, 0, n);
  at::Tensor gradient = block.gradient.narrow(0, 0, n);
  at::Tensor of_matrix = matrix_gradient_.narrow(0, 0, n_latents);
  const auto penalty = static_cast<float>(settings_.penalty / static_cast<double>(n * n_latents_));
  timed([&] { at::mm_out(gradient, error, block.W_dec.t()); });
  back_through_relu(n, n_latents, penalty, codes.const_data_ptr<float>(), gradient.mutable_data_ptr<float>(),
                    bias_gradient_.mutable_data_ptr<float>());
  timed([&] { at::mm_out(of_matrix, codes.t(), error); });
  auto* decoder = block.W_dec.mutable_data_ptr<float>();
  train::update(step, block.decoder, 0, n_latents * d_, of_matrix.const_data_ptr<float>(), decoder);
  for (int64_t row = 0; row < n_latents; ++row) sae::normalize(d_, decoder + row * d_);
  timed([&] { at::mm_out(of_matrix, gradient.t(), x_.narrow(0, 0, n)); });
  train::update(step, block.encoder, 0, n_latents * d_, of_matrix.const_data_ptr<float>(),
                block.W_enc.mutable_data_ptr<float>());
  train::update(step, block.bias, 0, n_latents, bias_gradient_.const_data_ptr<float>(),
                block.b_enc.mutable_data_ptr<float>());
}

void Training::step(std::span<const uint32_t> samples) {
  const auto n = std::ssize(samples);
  gather(samples);
  activation_ = 0;
  for (Block& block : blocks_) encode_and_decode(block, n, &block == &blocks_.front());
  const double error = take_error(samples);
  report_.loss = error + settings_.penalty * activation_ / static_cast<double>(n * n_latents_);
  if (!std::isfinite(report_.loss)) {
    throw NumericError(
        fmt::format("the loss is {} after {} steps; a lower learning_rate may help", report_.loss, n_steps_));
  }
  const auto step = train::OptimizerStep::adam(++n_steps_, settings_.options.learning_rate, kEpsilon);
  for (Block& block : blocks_) update(block, n, step);
  report_.samples += n;
}

void Training::run(const std::function<bool()>& is_stopped) {
  const Stopwatch watch;
  for (int64_t epoch = 0; epoch < settings_.options.epochs && !report_.is_stopped; ++epoch) {
    const std::vector<uint32_t> order = sample_order(data_.n(), settings_.seed, epoch);
    for (int64_t first = 0; first < data_.n() && !report_.is_stopped; first += batch_) {
      const int64_t n = std::min(batch_, data_.n() - first);
      step(std::span(order).subspan(static_cast<size_t>(first), static_cast<size_t>(n)));
      report_.is_stopped = is_stopped();
    }
  }
  report_.seconds = watch.seconds();
}

}  // namespace

std::vector<uint32_t> sample_order(int64_t n, int64_t seed, int64_t epoch) {
  return permutation(static_cast<uint64_t>(n), Stream{"toy order", seed, n, epoch});
}

TrainingReport train(const Standardized& data, const TrainingSettings& settings,
                     const std::function<bool()>& is_stopped, Parameters& parameters) {
  const c10::NoGradGuard guard;
  Training training(data, settings, parameters);
  training.run(is_stopped);
  return training.report();
}

double product_operations(const TrainingOptions& options, int64_t n_samples, int64_t d_in, int64_t n_latents) {
  return kProducts * 2.0 * static_cast<double>(options.epochs) * static_cast<double>(n_samples) *
         static_cast<double>(d_in) * static_cast<double>(n_latents);
}

}  // namespace saesweep::toy
