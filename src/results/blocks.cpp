#include "results/blocks.h"

#include <algorithm>
#include <numeric>

namespace saesweep::results {

namespace {

// Cuts along `dimension`, all before which have length 1.
void cut(h5::Slab box, size_t dimension, size_t element_bytes, const std::function<void(const h5::Slab&)>& visit) {
  const auto inner = box.count.begin() + static_cast<std::ptrdiff_t>(dimension) + 1;
  const size_t bytes = std::accumulate(inner, box.count.end(), element_bytes, std::multiplies<>());
  const bool is_too_large = bytes > kBlockBytes && inner != box.count.end();
  const hsize_t step = is_too_large ? 1 : std::max<size_t>(1, kBlockBytes / bytes);
  const hsize_t last = box.start[dimension] + box.count[dimension];
  for (; box.start[dimension] < last; box.start[dimension] += step) {
    box.count[dimension] = std::min(step, last - box.start[dimension]);
    if (is_too_large) {
      cut(box, dimension + 1, element_bytes, visit);
    } else {
      visit(box);
    }
  }
}

}  // namespace

size_t n_elements(const h5::Slab& box) {
  return std::accumulate(box.count.begin(), box.count.end(), size_t{1}, std::multiplies<>());
}

void for_each_block(const h5::Slab& box, size_t element_bytes, const std::function<void(const h5::Slab&)>& visit) {
  if (n_elements(box) > 0) cut(box, 0, element_bytes, visit);
}

}  // namespace saesweep::results
