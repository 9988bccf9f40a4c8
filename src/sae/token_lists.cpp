#include "sae/token_lists.h"

#include <algorithm>

namespace saesweep::sae {

void TokenLists::List::reserve(int64_t n_more) {
  const auto needed = static_cast<size_t>(n + n_more);
  if (values.size() >= needed) return;
  const size_t size = std::max(needed, values.size() * 3 / 2);
  values.resize(size);
  latents.resize(size);
}

void TokenLists::List::keep_above(float threshold) {
  int64_t n_kept = 0;
  for (int64_t i = 0; i < n; ++i) {
    const auto from = static_cast<size_t>(i), to = static_cast<size_t>(n_kept);
    values[to] = values[from];
    latents[to] = latents[from];
    n_kept += values[from] > threshold ? 1 : 0;
  }
  n = n_kept;
}

Codes TokenLists::codes() const {
  std::vector<int64_t> counts(lists_.size());
  std::transform(lists_.begin(), lists_.end(), counts.begin(), [](const List& list) { return list.n; });
  return make_codes(counts, [this](int64_t token, float* values, int32_t* latents) {
    const List& list = (*this)[token];
    std::copy_n(list.values.begin(), list.n, values);
    std::copy_n(list.latents.begin(), list.n, latents);
  });
}

}  // namespace saesweep::sae
