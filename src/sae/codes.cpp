#include "sae/codes.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <numeric>
#include <vector>

namespace saesweep::sae {

namespace {

constexpr int64_t kTokensATask = 64;

}  // namespace

Codes make_codes(std::span<const int64_t> counts,
                 const std::function<void(int64_t token, float* values, int32_t* latents)>& fill) {
  const auto n_tokens = static_cast<int64_t>(counts.size());
  Codes codes;
  codes.starts = at::empty({n_tokens + 1}, at::kLong);
  int64_t* starts = codes.starts.mutable_data_ptr<int64_t>();
  starts[0] = 0;
  std::partial_sum(counts.begin(), counts.end(), starts + 1);
  codes.latents = at::empty({starts[n_tokens]}, at::kInt);
  codes.values = at::empty({starts[n_tokens]}, at::kFloat);
  float* values = codes.values.mutable_data_ptr<float>();
  int32_t* latents = codes.latents.mutable_data_ptr<int32_t>();
  at::parallel_for(0, n_tokens, kTokensATask, [&](int64_t begin, int64_t end) {
    for (int64_t token = begin; token < end; ++token) fill(token, values + starts[token], latents + starts[token]);
  });
  return codes;
}

Codes filtered(const Codes& codes, const std::function<bool(int64_t token, float value, int32_t latent)>& keeps) {
  const int64_t* starts = codes.starts.const_data_ptr<int64_t>();
  const int32_t* latents = codes.latents.const_data_ptr<int32_t>();
  const float* values = codes.values.const_data_ptr<float>();
  std::vector<int64_t> counts(static_cast<size_t>(codes.n_tokens()), 0);
  for (int64_t token = 0; token < codes.n_tokens(); ++token) {
    for (int64_t i = starts[token]; i < starts[token + 1]; ++i) {
      counts[static_cast<size_t>(token)] += keeps(token, values[i], latents[i]) ? 1 : 0;
    }
  }
  return make_codes(counts, [&](int64_t token, float* out_values, int32_t* out_latents) {
    for (int64_t i = starts[token]; i < starts[token + 1]; ++i) {
      if (!keeps(token, values[i], latents[i])) continue;
      *out_values++ = values[i];
      *out_latents++ = latents[i];
    }
  });
}

}  // namespace saesweep::sae
