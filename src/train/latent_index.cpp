#include "train/latent_index.h"

#include <algorithm>
#include <numeric>

namespace saesweep::train {

LatentIndex::LatentIndex(int64_t n_latents)
    : starts_(static_cast<size_t>(n_latents) + 1), cursor_(static_cast<size_t>(n_latents)) {}

void LatentIndex::build(const sae::Codes& codes) {
  const int32_t* indices = codes.indices.const_data_ptr<int32_t>();
  const auto n = static_cast<int32_t>(codes.indices.numel());
  const auto k = static_cast<int32_t>(codes.k());
  std::fill(starts_.begin(), starts_.end(), 0);
  for (int32_t place = 0; place < n; ++place) {
    if (indices[place] >= 0) ++starts_[static_cast<size_t>(indices[place]) + 1];
  }
  std::partial_sum(starts_.begin(), starts_.end(), starts_.begin());
  std::copy(starts_.begin(), starts_.end() - 1, cursor_.begin());
  firings_.resize(static_cast<size_t>(starts_.back()));
  for (int32_t place = 0; place < n; ++place) {
    if (indices[place] < 0) continue;
    const int32_t slot = cursor_[static_cast<size_t>(indices[place])]++;
    firings_[static_cast<size_t>(slot)] = {place / k, place};
  }
}

std::span<const Firing> LatentIndex::firings(int64_t latent) const {
  const auto begin = static_cast<size_t>(starts_[static_cast<size_t>(latent)]);
  const auto end = static_cast<size_t>(starts_[static_cast<size_t>(latent) + 1]);
  return std::span(firings_).subspan(begin, end - begin);
}

}  // namespace saesweep::train
