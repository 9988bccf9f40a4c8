#include "sae/options.h"

#include <algorithm>
#include <cmath>

namespace saesweep::sae {

std::vector<int64_t> SaeOptions::matryoshka_sizes(int64_t d_in) const {
  std::vector<int64_t> sizes;
  if (architecture != Architecture::kMatryoshka) return sizes;
  const int64_t n = n_latents(d_in);
  for (const double fraction : matryoshka_fractions) {
    const int64_t size = std::clamp<int64_t>(std::llround(fraction * static_cast<double>(n)), 1, n);
    if (sizes.empty() || size > sizes.back()) sizes.push_back(size);
  }
  if (sizes.empty() || sizes.back() != n) sizes.push_back(n);
  return sizes;
}

}  // namespace saesweep::sae
