#include "sae/topk_sae.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include <span>

#include "base/vectorize.h"
#include "sae/product_strips.h"
#include "sae/top_k.h"

namespace saesweep::sae {

namespace {

SAESWEEP_VECTORIZED
void subtract(const float* x, const float* b, int64_t n_tokens, int64_t d, float* out) {
  for (int64_t t = 0; t < n_tokens; ++t) {
    for (int64_t i = 0; i < d; ++i) out[t * d + i] = x[t * d + i] - b[i];
  }
}

SAESWEEP_VECTORIZED
void add_scaled_rows(const float* values, const int32_t* indices, int64_t k, const float* W_dec, const float* b_dec,
                     int64_t d, float* out) {
  for (int64_t i = 0; i < d; ++i) out[i] = b_dec[i];
  for (int64_t j = 0; j < k && indices[j] >= 0; ++j) {
    const float* row = W_dec + indices[j] * d;
    const float value = values[j];
    for (int64_t i = 0; i < d; ++i) out[i] += value * row[i];
  }
}

}  // namespace

Codes empty_codes(int64_t n_tokens, int64_t k) {
  return {at::empty({n_tokens, k}, at::kFloat), at::empty({n_tokens, k}, at::kInt)};
}

at::Tensor center(const TopKSae& sae, const at::Tensor& x) {
  at::Tensor out = at::empty_like(x);
  subtract(x.const_data_ptr<float>(), sae.parameters.b_dec.const_data_ptr<float>(), x.size(0), x.size(1),
           out.mutable_data_ptr<float>());
  return out;
}

Codes encode_centered(const TopKSae& sae, const at::Tensor& centered) {
  const std::span bias(sae.parameters.b_enc.const_data_ptr<float>(), static_cast<size_t>(sae.parameters.n_latents()));
  TopKCandidates candidates(centered.size(0), sae.k);
  for_each_strip(centered, sae.parameters.W_enc, Precision::kFloat32,
                 [&](const Strip& strip) { candidates.add(strip, bias); });
  return candidates.codes();
}

Codes encode(const TopKSae& sae, const at::Tensor& x) {
  return encode_centered(sae, center(sae, x));
}

at::Tensor decode(const TopKSae& sae, const Codes& codes) {
  const int64_t d = sae.parameters.d_in();
  at::Tensor out = at::empty({codes.n_tokens(), d}, at::kFloat);
  const float* values = codes.values.const_data_ptr<float>();
  const int32_t* indices = codes.indices.const_data_ptr<int32_t>();
  const float* W_dec = sae.parameters.W_dec.const_data_ptr<float>();
  const float* b_dec = sae.parameters.b_dec.const_data_ptr<float>();
  float* x_hat = out.mutable_data_ptr<float>();
  at::parallel_for(0, codes.n_tokens(), 64, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      add_scaled_rows(values + t * codes.k(), indices + t * codes.k(), codes.k(), W_dec, b_dec, d, x_hat + t * d);
    }
  });
  return out;
}

}  // namespace saesweep::sae
