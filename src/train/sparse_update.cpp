#include "train/sparse_update.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "sae/row_math.h"
#include "train/token_blocks.h"

namespace saesweep::train {

namespace {

//! Latents are worked on in blocks of this size, whatever the number of threads.
constexpr int64_t kLatentsPerBlock = 64;
//! Firings this far ahead are fetched while one is added.
constexpr size_t kAhead = 2;

//! A part as plain arrays.
struct PartRows {
  explicit PartRows(const Part& part)
      : values(part.codes.values.const_data_ptr<float>()),
        d_values(part.d_values.const_data_ptr<float>()),
        d_x_hat(part.d_x_hat.const_data_ptr<float>()),
        centered(part.centered.const_data_ptr<float>()),
        scale(part.scale),
        index(&part.index) {}

  const float* values;
  const float* d_values;
  const float* d_x_hat;
  const float* centered;
  float scale;
  const LatentIndex* index;
};

void fetch(const float* row, int64_t d) {
  constexpr int64_t kLine = 16;
  for (int64_t i = 0; i < d; i += kLine) __builtin_prefetch(row + i);
}

//! The gradients of one latent's parameters.
struct LatentGradient {
  explicit LatentGradient(int64_t d) : W_enc(static_cast<size_t>(d)), W_dec(static_cast<size_t>(d)) {}

  std::vector<float> W_enc, W_dec;
  float b_enc = 0;

  void gather(const std::vector<PartRows>& parts, int64_t latent) {
    const auto d = static_cast<int64_t>(W_enc.size());
    std::fill(W_enc.begin(), W_enc.end(), 0.0F);
    std::fill(W_dec.begin(), W_dec.end(), 0.0F);
    b_enc = 0;
    for (const PartRows& part : parts) {
      const auto firings = part.index->firings(latent);
      for (size_t i = 0; i < firings.size(); ++i) {
        if (i + kAhead < firings.size()) {
          fetch(part.centered + firings[i + kAhead].token * d, d);
          fetch(part.d_x_hat + firings[i + kAhead].token * d, d);
        }
        const int64_t start = static_cast<int64_t>(firings[i].token) * d;
        const float d_value = part.scale * part.d_values[firings[i].place];
        sae::add_scaled(d_value, part.centered + start, d, W_enc.data());
        sae::add_scaled(part.scale * part.values[firings[i].place], part.d_x_hat + start, d, W_dec.data());
        b_enc += d_value;
      }
    }
  }
};

//! Calls work(gradient, latent, block) for all latents, on several threads, and returns, [d_in], the sum over latents
//! of the gradient of b_enc times the encoder's row before work changes it: what b_dec gets through the encoder, less
//! its sign.
template <typename Work>
std::vector<double> for_each_latent(const sae::Sae& sae, std::span<const Part> parts, Work&& work) {
  const int64_t d = sae.parameters.d_in();
  const int64_t n_latents = sae.parameters.n_latents();
  const float* W_enc = sae.parameters.W_enc.const_data_ptr<float>();
  const std::vector<PartRows> rows(parts.begin(), parts.end());
  const int64_t n_blocks = (n_latents + kLatentsPerBlock - 1) / kLatentsPerBlock;
  std::vector<float> shares(static_cast<size_t>(n_blocks * d), 0.0F);
  at::parallel_for(0, n_blocks, 1, [&](int64_t begin, int64_t end) {
    LatentGradient gradient(d);
    for (int64_t block = begin; block < end; ++block) {
      const int64_t last = std::min(n_latents, (block + 1) * kLatentsPerBlock);
      for (int64_t latent = block * kLatentsPerBlock; latent < last; ++latent) {
        gradient.gather(rows, latent);
        if (gradient.b_enc != 0) sae::add_scaled(gradient.b_enc, W_enc + latent * d, d, shares.data() + block * d);
        work(gradient, latent, block);
      }
    }
  });
  std::vector<double> sum(static_cast<size_t>(d), 0.0);
  for (size_t i = 0; i < shares.size(); ++i) sum[i % sum.size()] += shares[i];
  return sum;
}

//! b_dec is added to reconstructions and taken from every input: its gradient is the sum over tokens of d_x_hat less
//! what comes through the encoder.
std::vector<float> b_dec_gradient(std::span<const Part> parts, const std::vector<double>& through_encoder) {
  const auto d = static_cast<int64_t>(through_encoder.size());
  std::vector<double> sum(through_encoder.size());
  std::transform(through_encoder.begin(), through_encoder.end(), sum.begin(), std::negate<>());
  std::vector<float> block(static_cast<size_t>(d));
  for (const Part& part : parts) {
    if (!part.has_b_dec) continue;
    const float* rows = part.d_x_hat.const_data_ptr<float>();
    for (int64_t first = 0; first < part.d_x_hat.size(0); first += kTokensPerBlock) {
      std::fill(block.begin(), block.end(), 0.0F);
      const int64_t last = std::min(part.d_x_hat.size(0), first + kTokensPerBlock);
      for (int64_t t = first; t < last; ++t) sae::add_scaled(part.scale, rows + t * d, d, block.data());
      for (size_t i = 0; i < block.size(); ++i) sum[i] += block[i];
    }
  }
  return {sum.begin(), sum.end()};
}

double square_of(std::span<const float> values) {
  double sum = 0;
  for (const float value : values) sum += static_cast<double>(value) * value;
  return sum;
}

}  // namespace

SaeState::SaeState(const Recipe& recipe, const sae::Parameters& parameters)
    : W_enc(recipe, parameters.W_enc),
      b_enc(recipe, parameters.b_enc),
      W_dec(recipe, parameters.W_dec),
      b_dec(recipe, parameters.b_dec) {
  if (parameters.threshold.defined()) threshold = OptimizerState(recipe, parameters.threshold);
}

double gradient_norm(const sae::Sae& sae, std::span<const Part> parts, std::span<const float> d_threshold) {
  const auto d = sae.parameters.d_in();
  std::vector<double> squares(static_cast<size_t>(sae.parameters.n_latents()), 0.0);
  const auto through_encoder =
      for_each_latent(sae, parts, [&](const LatentGradient& gradient, int64_t latent, int64_t) {
        squares[static_cast<size_t>(latent)] =
            static_cast<double>(sae::dot(gradient.W_enc.data(), gradient.W_enc.data(), d)) +
            sae::dot(gradient.W_dec.data(), gradient.W_dec.data(), d) +
            static_cast<double>(gradient.b_enc) * gradient.b_enc;
      });
  const double square = std::accumulate(squares.begin(), squares.end(), 0.0);
  return std::sqrt(square + square_of(b_dec_gradient(parts, through_encoder)) + square_of(d_threshold));
}

void update_parameters(sae::Sae& sae, SaeState& state, const OptimizerStep& step, std::span<const Part> parts,
                       bool normalizes) {
  sae::Parameters& p = sae.parameters;
  const int64_t d = p.d_in();
  float* W_enc = p.W_enc.mutable_data_ptr<float>();
  float* W_dec = p.W_dec.mutable_data_ptr<float>();
  float* b_enc = p.b_enc.mutable_data_ptr<float>();
  const auto through_encoder = for_each_latent(sae, parts, [&](LatentGradient& gradient, int64_t latent, int64_t) {
    float* row = W_dec + latent * d;
    sae::add_scaled(-sae::dot(gradient.W_dec.data(), row, d), row, d, gradient.W_dec.data());
    update(step, state.W_enc, latent * d, d, gradient.W_enc.data(), W_enc + latent * d);
    update(step, state.W_dec, latent * d, d, gradient.W_dec.data(), row);
    update(step, state.b_enc, latent, 1, &gradient.b_enc, b_enc + latent);
    if (normalizes) sae::normalize(d, row);
  });
  const std::vector<float> gradient = b_dec_gradient(parts, through_encoder);
  update(step, state.b_dec, 0, d, gradient.data(), p.b_dec.mutable_data_ptr<float>());
}

}  // namespace saesweep::train
