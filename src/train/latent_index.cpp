#include "train/latent_index.h"

#include <fmt/format.h>

#include <limits>
#include <numeric>

#include "base/errors.h"

namespace saesweep::train {

LatentIndex::LatentIndex(const sae::Codes& codes, int64_t n_latents) : starts_(static_cast<size_t>(n_latents) + 1, 0) {
  if (codes.n_entries() > std::numeric_limits<uint32_t>::max()) {
    throw NumericError(
        fmt::format("{} active latents in one part of a batch, at most 2^32 - 1 can be trained on; give a "
                    "smaller sae.batch_tokens or more sae.gradient_accumulation",
                    codes.n_entries()));
  }
  firings_.resize(static_cast<size_t>(codes.n_entries()));
  const int64_t* token_starts = codes.starts.const_data_ptr<int64_t>();
  const int32_t* latents = codes.latents.const_data_ptr<int32_t>();
  for (int64_t place = 0; place < codes.n_entries(); ++place) ++starts_[static_cast<size_t>(latents[place]) + 1];
  std::partial_sum(starts_.begin(), starts_.end(), starts_.begin());
  std::vector<uint32_t> next(starts_.begin(), starts_.end() - 1);
  for (int64_t token = 0; token < codes.n_tokens(); ++token) {
    for (int64_t place = token_starts[token]; place < token_starts[token + 1]; ++place) {
      const uint32_t slot = next[static_cast<size_t>(latents[place])]++;
      firings_[slot] = {static_cast<uint32_t>(token), static_cast<uint32_t>(place)};
    }
  }
}

std::span<const Firing> LatentIndex::firings(int64_t latent) const {
  const size_t begin = starts_[static_cast<size_t>(latent)];
  const size_t end = starts_[static_cast<size_t>(latent) + 1];
  return std::span(firings_).subspan(begin, end - begin);
}

}  // namespace saesweep::train
