#include "sae/above_threshold.h"

#include "sae/collect.h"

namespace saesweep::sae {

void AboveThreshold::add(const Strip& strip, std::span<const float> bias) {
  const float* strip_bias = bias.data() + strip.first_latent;
  const auto first = static_cast<int32_t>(strip.first_latent);
  for (int64_t i = 0; i < strip.n_tokens; ++i) {
    TokenLists::List& list = lists_[strip.first_token + i];
    list.reserve(strip.n_latents + kCollectSpare);
    const float* products = strip.products + i * kTileLatents;
    float* values = list.values.data() + list.n;
    int32_t* latents = list.latents.data() + list.n;
    list.n +=
        thresholds_.size() == 1
            ? collect(products, strip_bias, strip.n_latents, thresholds_[0], first, values, latents)
            : collect_each(products, strip_bias, strip.n_latents, thresholds_.data() + first, first, values, latents);
  }
}

}  // namespace saesweep::sae
