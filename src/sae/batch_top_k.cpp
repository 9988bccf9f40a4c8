#include "sae/batch_top_k.h"

#include <algorithm>
#include <bit>
#include <functional>

#include "sae/collect.h"

namespace saesweep::sae {

namespace {

//! Sizes of positive floats.
constexpr size_t kSizes = 1 << 15;

uint16_t size_of(float value) {
  return static_cast<uint16_t>(std::bit_cast<uint32_t>(value) >> 16);
}

}  // namespace

BatchTopKCandidates::BatchTopKCandidates(int64_t n_tokens, int64_t k)
    : n_most_(n_tokens * k), lists_(n_tokens), n_of_size_(kSizes, 0) {}

void BatchTopKCandidates::add(const Strip& strip, std::span<const float> bias) {
  const float* strip_bias = bias.data() + strip.first_latent;
  const float threshold = threshold_.load(std::memory_order_relaxed);
  std::vector<uint16_t> sizes;
  for (int64_t i = 0; i < strip.n_tokens; ++i) {
    TokenLists::List& list = lists_[strip.first_token + i];
    const int64_t needed = strip.n_latents + kCollectSpare;
    if (list.n + needed > static_cast<int64_t>(list.values.size())) list.keep_above(threshold);
    list.reserve(needed);
    const int64_t before = list.n;
    list.n +=
        collect(strip.products + i * kTileLatents, strip_bias, strip.n_latents, threshold,
                static_cast<int32_t>(strip.first_latent), list.values.data() + before, list.latents.data() + before);
    for (int64_t j = before; j < list.n; ++j) sizes.push_back(size_of(list.values[static_cast<size_t>(j)]));
  }
  if (!sizes.empty()) count(sizes);
}

void BatchTopKCandidates::count(std::span<const uint16_t> sizes) {
  const std::lock_guard lock(mutex_);
  for (const uint16_t size : sizes) ++n_of_size_[size];
  n_since_raised_ += static_cast<int64_t>(sizes.size());
  if (n_since_raised_ * 8 > n_most_) raise_threshold();
}

//! To the largest float below the size that the n_most-th largest sum seen so far is of: that sum itself stays above.
void BatchTopKCandidates::raise_threshold() {
  n_since_raised_ = 0;
  int64_t n = 0;
  for (size_t size = kSizes; size-- > 0;) {
    n += n_of_size_[size];
    if (n < n_most_) continue;
    const auto least = static_cast<uint32_t>(size) << 16;
    if (least > 0) threshold_.store(std::bit_cast<float>(least - 1), std::memory_order_relaxed);
    return;
  }
}

Codes BatchTopKCandidates::codes() {
  std::vector<float> values;
  for (int64_t token = 0; token < lists_.n_tokens(); ++token) {
    TokenLists::List& list = lists_[token];
    list.keep_above(threshold_);
    values.insert(values.end(), list.values.begin(), list.values.begin() + list.n);
  }
  if (static_cast<int64_t>(values.size()) <= n_most_) return lists_.codes();
  const auto last = values.begin() + n_most_ - 1;
  std::nth_element(values.begin(), last, values.end(), std::greater<>());
  const float least = *last;
  int64_t n_ties = n_most_ - std::count_if(values.begin(), values.end(), [&](float value) { return value > least; });
  for (int64_t token = 0; token < lists_.n_tokens(); ++token) {
    TokenLists::List& list = lists_[token];
    list.n = keep_from(list.values.data(), list.latents.data(), list.n, least, n_ties);
  }
  return lists_.codes();
}

}  // namespace saesweep::sae
