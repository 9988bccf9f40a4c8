#include "train/sparse_step.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include <limits>
#include <vector>

#include "base/vectorize.h"

namespace saesweep::train {

namespace {

//! Tokens and latents are worked on in blocks of these sizes, whatever the number of threads.
constexpr int64_t kTokensPerBlock = 64;
constexpr int64_t kLatentsPerBlock = 64;

//! The error of one token: out = (x_hat - x) * scale. Returns the sum of (x_hat - x)^2.
SAESWEEP_VECTORIZED
float scaled_error(const float* x, const float* b_dec, const float* values, const int32_t* indices, int64_t k,
                   const float* W_dec, int64_t d, float scale, float* out) {
  for (int64_t i = 0; i < d; ++i) out[i] = b_dec[i];
  for (int64_t j = 0; j < k && indices[j] >= 0; ++j) {
    const float* row = W_dec + indices[j] * d;
    for (int64_t i = 0; i < d; ++i) out[i] += values[j] * row[i];
  }
  float square = 0;
#pragma omp simd reduction(+ : square)
  for (int64_t i = 0; i < d; ++i) {
    const float error = out[i] - x[i];
    square += error * error;
    out[i] = error * scale;
  }
  return square;
}

SAESWEEP_VECTORIZED
float dot(const float* a, const float* b, int64_t d) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < d; ++i) sum += a[i] * b[i];
  return sum;
}

SAESWEEP_VECTORIZED
void add_scaled(float scale, const float* a, int64_t d, float* out) {
  for (int64_t i = 0; i < d; ++i) out[i] += scale * a[i];
}

//! Rows that the update of one latent reads and writes.
struct LatentRows {
  float* W_enc;
  float* W_dec;
  float* b_enc;
  float* m_enc;
  float* v_enc;
  float* m_dec;
  float* v_dec;
  float* m_bias;
  float* v_bias;
};

LatentRows rows_of(sae::TopKSae& sae, SaeMoments& moments, int64_t latent, int64_t d) {
  const auto row = [&](at::Tensor& tensor) { return tensor.mutable_data_ptr<float>() + latent * d; };
  const auto one = [&](at::Tensor& tensor) { return tensor.mutable_data_ptr<float>() + latent; };
  return {row(sae.parameters.W_enc), row(sae.parameters.W_dec), one(sae.parameters.b_enc),
          row(moments.W_enc.first),  row(moments.W_enc.second), row(moments.W_dec.first),
          row(moments.W_dec.second), one(moments.b_enc.first),  one(moments.b_enc.second)};
}

//! What all latents of a batch share.
struct Batch {
  const float* values;
  const float* d_values;
  const float* d_x_hat;
  const float* centered;
  int64_t d;
};

//! Gradients of one latent into grad_enc, grad_dec, [d]; returns that of its bias.
float latent_gradients(const Batch& batch, std::span<const Firing> firings, float* grad_enc, float* grad_dec) {
  std::fill(grad_enc, grad_enc + batch.d, 0.0F);
  std::fill(grad_dec, grad_dec + batch.d, 0.0F);
  float grad_bias = 0;
  for (const Firing& firing : firings) {
    const int64_t start = firing.token * batch.d;
    add_scaled(batch.d_values[firing.place], batch.centered + start, batch.d, grad_enc);
    add_scaled(batch.values[firing.place], batch.d_x_hat + start, batch.d, grad_dec);
    grad_bias += batch.d_values[firing.place];
  }
  return grad_bias;
}

void update_latent(const AdamCoefficients& adam, const LatentRows& rows, int64_t d, float* grad_enc, float* grad_dec,
                   float grad_bias) {
  add_scaled(-dot(grad_dec, rows.W_dec, d), rows.W_dec, d, grad_dec);
  adam_update(adam, d, grad_enc, rows.W_enc, rows.m_enc, rows.v_enc);
  adam_update(adam, d, grad_dec, rows.W_dec, rows.m_dec, rows.v_dec);
  adam_update(adam, 1, &grad_bias, rows.b_enc, rows.m_bias, rows.v_bias);
  const float norm = std::sqrt(dot(rows.W_dec, rows.W_dec, d)) + std::numeric_limits<float>::epsilon();
  for (int64_t i = 0; i < d; ++i) rows.W_dec[i] /= norm;
}

//! b_dec is added to every reconstruction and taken from every input: its gradient is the sum over tokens of
//! d_x_hat less W_enc^T times the gradient of b_enc, of which each block of latents has left its share.
void update_b_dec(sae::TopKSae& sae, SaeMoments& moments, const AdamCoefficients& adam, const at::Tensor& d_x_hat,
                  const std::vector<float>& through_encoder) {
  const int64_t d = sae.parameters.d_in();
  std::vector<float> gradient(static_cast<size_t>(d), 0.0F);
  const float* rows = d_x_hat.const_data_ptr<float>();
  for (int64_t t = 0; t < d_x_hat.size(0); ++t) add_scaled(1.0F, rows + t * d, d, gradient.data());
  for (size_t start = 0; start < through_encoder.size(); start += gradient.size()) {
    add_scaled(-1.0F, through_encoder.data() + start, d, gradient.data());
  }
  adam_update(adam, d, gradient.data(), sae.parameters.b_dec.mutable_data_ptr<float>(),
              moments.b_dec.first.mutable_data_ptr<float>(), moments.b_dec.second.mutable_data_ptr<float>());
}

}  // namespace

BatchGradients backward_to_codes(const sae::TopKSae& sae, const sae::Codes& codes, const at::Tensor& x,
                                 double total_variance) {
  const int64_t n_tokens = x.size(0);
  const int64_t d = x.size(1);
  const int64_t k = codes.k();
  BatchGradients gradients{at::empty_like(x), at::empty_like(codes.values)};
  const float* values = codes.values.const_data_ptr<float>();
  const int32_t* indices = codes.indices.const_data_ptr<int32_t>();
  const float* W_dec = sae.parameters.W_dec.const_data_ptr<float>();
  const float* b_dec = sae.parameters.b_dec.const_data_ptr<float>();
  const float* activations = x.const_data_ptr<float>();
  float* d_x_hat = gradients.x_hat.mutable_data_ptr<float>();
  float* d_values = gradients.values.mutable_data_ptr<float>();
  const auto scale = static_cast<float>(2.0 / total_variance);
  const int64_t n_blocks = (n_tokens + kTokensPerBlock - 1) / kTokensPerBlock;
  std::vector<double> squares(static_cast<size_t>(n_blocks), 0.0);
  at::parallel_for(0, n_blocks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      const int64_t last = std::min(n_tokens, (block + 1) * kTokensPerBlock);
      for (int64_t t = block * kTokensPerBlock; t < last; ++t) {
        squares[static_cast<size_t>(block)] += scaled_error(activations + t * d, b_dec, values + t * k, indices + t * k,
                                                            k, W_dec, d, scale, d_x_hat + t * d);
        for (int64_t j = 0; j < k; ++j) {
          const int32_t latent = indices[t * k + j];
          d_values[t * k + j] = latent < 0 ? 0.0F : dot(d_x_hat + t * d, W_dec + latent * d, d);
        }
      }
    }
  });
  for (const double square : squares) gradients.squared_error += square;
  return gradients;
}

void update_parameters(sae::TopKSae& sae, SaeMoments& moments, const AdamCoefficients& adam, const sae::Codes& codes,
                       const LatentIndex& index, const BatchGradients& gradients, const at::Tensor& centered) {
  const int64_t d = sae.parameters.d_in();
  const int64_t n_latents = sae.parameters.n_latents();
  const Batch batch{codes.values.const_data_ptr<float>(), gradients.values.const_data_ptr<float>(),
                    gradients.x_hat.const_data_ptr<float>(), centered.const_data_ptr<float>(), d};
  const int64_t n_blocks = (n_latents + kLatentsPerBlock - 1) / kLatentsPerBlock;
  std::vector<float> through_encoder(static_cast<size_t>(n_blocks * d), 0.0F);
  at::parallel_for(0, n_blocks, 1, [&](int64_t begin, int64_t end) {
    std::vector<float> grad_enc(static_cast<size_t>(d));
    std::vector<float> grad_dec(static_cast<size_t>(d));
    for (int64_t block = begin; block < end; ++block) {
      const int64_t last = std::min(n_latents, (block + 1) * kLatentsPerBlock);
      for (int64_t latent = block * kLatentsPerBlock; latent < last; ++latent) {
        const LatentRows rows = rows_of(sae, moments, latent, d);
        const float grad_bias = latent_gradients(batch, index.firings(latent), grad_enc.data(), grad_dec.data());
        add_scaled(grad_bias, rows.W_enc, d, through_encoder.data() + block * d);
        update_latent(adam, rows, d, grad_enc.data(), grad_dec.data(), grad_bias);
      }
    }
  });
  update_b_dec(sae, moments, adam, gradients.x_hat, through_encoder);
}

}  // namespace saesweep::train
