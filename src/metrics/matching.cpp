#include "metrics/matching.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/errors.h"

namespace saesweep::metrics {

double mean_max_cosine(std::span<const float> cosines, int64_t n_learnt) {
  if (cosines.empty()) return std::numeric_limits<double>::quiet_NaN();
  if (n_learnt < 1 || std::ssize(cosines) % n_learnt != 0) {
    throw SystemError(fmt::format("mean_max_cosine: {} numbers are no rows of {}", cosines.size(), n_learnt));
  }
  const auto width = static_cast<size_t>(n_learnt);
  double sum = 0;
  for (size_t first = 0; first < cosines.size(); first += width) {
    sum += static_cast<double>(*std::ranges::max_element(cosines.subspan(first, width)));
  }
  return sum * static_cast<double>(n_learnt) / static_cast<double>(cosines.size());
}

}  // namespace saesweep::metrics
