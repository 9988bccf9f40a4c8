#include "sae/group_max.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/errors.h"

namespace saesweep::sae {

GroupMaxCandidates::GroupMaxCandidates(int64_t n_tokens, int64_t n_latents, int64_t k)
    : n_tokens_(n_tokens),
      group_size_(n_latents / k),
      k_(k),
      values_(static_cast<size_t>(n_tokens * k), 0.0F),
      latents_(static_cast<size_t>(n_tokens * k), -1) {
  if (n_latents % k != 0) throw SystemError(fmt::format("groupmax: {} latents in {} groups", n_latents, k));
}

void GroupMaxCandidates::add(const Strip& strip, std::span<const float> bias) {
  const int64_t last = strip.first_latent + strip.n_latents;
  for (int64_t i = 0; i < strip.n_tokens; ++i) {
    const float* products = strip.products + i * kTileLatents - strip.first_latent;
    float* values = values_.data() + (strip.first_token + i) * k_;
    int32_t* latents = latents_.data() + (strip.first_token + i) * k_;
    for (int64_t begin = strip.first_latent; begin < last;) {
      const int64_t group = begin / group_size_;
      const int64_t end = std::min(last, (group + 1) * group_size_);
      for (int64_t latent = begin; latent < end; ++latent) {
        const float sum = products[latent] + bias[static_cast<size_t>(latent)];
        if (!(sum > values[group])) continue;
        values[group] = sum;
        latents[group] = static_cast<int32_t>(latent);
      }
      begin = end;
    }
  }
}

Codes GroupMaxCandidates::codes() const {
  std::vector<int64_t> counts(static_cast<size_t>(n_tokens_));
  for (int64_t token = 0; token < n_tokens_; ++token) {
    const int32_t* latents = latents_.data() + token * k_;
    counts[static_cast<size_t>(token)] =
        std::count_if(latents, latents + k_, [](int32_t latent) { return latent >= 0; });
  }
  return make_codes(counts, [this](int64_t token, float* values, int32_t* latents) {
    for (int64_t place = token * k_; place < (token + 1) * k_; ++place) {
      if (latents_[static_cast<size_t>(place)] < 0) continue;
      *values++ = values_[static_cast<size_t>(place)];
      *latents++ = latents_[static_cast<size_t>(place)];
    }
  });
}

}  // namespace saesweep::sae
