#include "sae/sae.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include <span>
#include <stdexcept>
#include <vector>

#include "base/vectorize.h"
#include "sae/above_threshold.h"
#include "sae/group_max.h"
#include "sae/product_strips.h"
#include "sae/row_math.h"
#include "sae/tensor_codes.h"
#include "sae/top_k.h"

namespace saesweep::sae {

namespace {

SAESWEEP_VECTORIZED
void subtract(const float* x, const float* b, int64_t n_tokens, int64_t d, float* out) {
  for (int64_t t = 0; t < n_tokens; ++t) {
    for (int64_t i = 0; i < d; ++i) out[t * d + i] = x[t * d + i] - b[i];
  }
}

std::vector<float> values_of(const at::Tensor& tensor) {
  const float* data = tensor.const_data_ptr<float>();
  return {data, data + tensor.numel()};
}

}  // namespace

at::Tensor center(const Sae& sae, const at::Tensor& x) {
  if (!x.is_cpu()) return tensors::center(sae, x);
  at::Tensor out = at::empty_like(x);
  subtract(x.const_data_ptr<float>(), sae.parameters.b_dec.const_data_ptr<float>(), x.size(0), x.size(1),
           out.mutable_data_ptr<float>());
  return out;
}

Codes encode_centered(const Sae& sae, const at::Tensor& centered, Precision precision) {
  if (!centered.is_cpu()) return tensors::encode_centered(sae, centered, precision);
  const Parameters& p = sae.parameters;
  const std::span bias(p.b_enc.const_data_ptr<float>(), static_cast<size_t>(p.n_latents()));
  const auto gather = [&](auto&& candidates) {
    for_each_strip(centered, p.W_enc, precision, [&](const Strip& strip) { candidates.add(strip, bias); });
    return candidates.codes();
  };
  switch (sae.architecture) {
    case Architecture::kTopK:
      return gather(TopKCandidates(centered.size(0), sae.k));
    case Architecture::kGroupMax:
      return gather(GroupMaxCandidates(centered.size(0), p.n_latents(), sae.k));
    case Architecture::kRelu:
      return gather(AboveThreshold(centered.size(0), {0.0F}));
    case Architecture::kBatchTopK:
    case Architecture::kJumpRelu:
    case Architecture::kMatryoshka:
      return gather(AboveThreshold(centered.size(0), values_of(p.threshold)));
  }
  throw std::logic_error("architecture without an activation");
}

Codes encode(const Sae& sae, const at::Tensor& x) {
  return encode_centered(sae, center(sae, x));
}

at::Tensor decode(const Sae& sae, const Codes& codes) {
  if (!codes.values.is_cpu()) return tensors::decode(sae, codes);
  const int64_t d = sae.parameters.d_in();
  at::Tensor out = at::empty({codes.n_tokens(), d}, at::kFloat);
  const float* values = codes.values.const_data_ptr<float>();
  const int32_t* latents = codes.latents.const_data_ptr<int32_t>();
  const int64_t* starts = codes.starts.const_data_ptr<int64_t>();
  const float* W_dec = sae.parameters.W_dec.const_data_ptr<float>();
  const float* b_dec = sae.parameters.b_dec.const_data_ptr<float>();
  float* x_hat = out.mutable_data_ptr<float>();
  at::parallel_for(0, codes.n_tokens(), 64, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      add_rows(b_dec, values + starts[t], latents + starts[t], starts[t + 1] - starts[t], W_dec, d, x_hat + t * d);
    }
  });
  return out;
}

}  // namespace saesweep::sae
