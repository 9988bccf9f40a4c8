#include "sae/training_codes.h"

#include <cmath>
#include <limits>
#include <optional>
#include <stdexcept>
#include <vector>

#include "sae/above_threshold.h"
#include "sae/batch_top_k.h"
#include "sae/group_max.h"
#include "sae/product_strips.h"
#include "sae/top_k.h"

namespace saesweep::sae {

namespace {

constexpr int64_t kWidening = 4;

//! The bias as it is where a latent is dead, and so that it never is among the largest where it lives.
std::vector<float> bias_of_dead(std::span<const float> bias, std::span<const uint8_t> is_dead) {
  std::vector<float> masked(bias.begin(), bias.end());
  for (size_t i = 0; i < masked.size(); ++i) {
    if (is_dead[i] == 0) masked[i] = -std::numeric_limits<float>::infinity();
  }
  return masked;
}

//! Entries near their thresholds and above them, of those above thresholds less half the band.
void split_band(const Codes& all, const float* thresholds, float band, TrainingCodes& codes) {
  codes.active = filtered(all, [=](int64_t, float value, int32_t latent) { return value > thresholds[latent]; });
  codes.near = filtered(
      all, [=](int64_t, float value, int32_t latent) { return std::abs(value - thresholds[latent]) < band / 2; });
}

}  // namespace

TrainingCodes training_codes(const Sae& sae, const at::Tensor& centered, const TrainingWants& wants) {
  const Parameters& p = sae.parameters;
  const int64_t n_tokens = centered.size(0);
  const std::span bias(p.b_enc.const_data_ptr<float>(), static_cast<size_t>(p.n_latents()));
  std::optional<TopKCandidates> dead;
  std::vector<float> dead_bias;
  if (wants.n_dead > 0) {
    dead.emplace(n_tokens, wants.n_dead);
    dead_bias = bias_of_dead(bias, wants.is_dead);
  }
  TrainingCodes codes;
  const auto gather = [&](auto&& candidates) {
    for_each_strip(centered, p.W_enc, wants.precision, [&](const Strip& strip) {
      candidates.add(strip, bias);
      if (dead) dead->add(strip, dead_bias);
    });
    if (dead) codes.dead = dead->codes();
    return candidates.codes();
  };
  switch (sae.architecture) {
    case Architecture::kTopK:
      if (wants.wide) {
        codes.wide = gather(TopKCandidates(n_tokens, std::min(kWidening * sae.k, p.n_latents())));
        codes.active = largest(codes.wide, sae.k);
      } else {
        codes.active = gather(TopKCandidates(n_tokens, sae.k));
      }
      return codes;
    case Architecture::kGroupMax:
      codes.active = gather(GroupMaxCandidates(n_tokens, p.n_latents(), sae.k));
      return codes;
    case Architecture::kRelu:
      codes.active = gather(AboveThreshold(n_tokens, {0.0F}));
      return codes;
    case Architecture::kBatchTopK:
    case Architecture::kMatryoshka:
      codes.active = gather(BatchTopKCandidates(n_tokens, sae.k));
      return codes;
    case Architecture::kJumpRelu: {
      const float* thresholds = p.threshold.const_data_ptr<float>();
      std::vector<float> lowest(thresholds, thresholds + p.n_latents());
      for (float& threshold : lowest) threshold -= wants.band / 2;
      split_band(gather(AboveThreshold(n_tokens, std::move(lowest))), thresholds, wants.band, codes);
      return codes;
    }
  }
  throw std::logic_error("architecture without an activation");
}

}  // namespace saesweep::sae
