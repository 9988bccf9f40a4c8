#pragma once

#include <functional>

#include "h5/dataset.h"

namespace saesweep::results {

//! What is filled or copied at a time.
inline constexpr size_t kBlockBytes = 4 << 20;

//! Calls `visit` for the boxes of at most kBlockBytes that `box` is cut into, in the order of the file. Each is as
//! contiguous in the file as `box` is. A box without elements has none.
void for_each_block(const h5::Slab& box, size_t element_bytes, const std::function<void(const h5::Slab&)>& visit);

//! Elements of a box.
size_t n_elements(const h5::Slab& box);

}  // namespace saesweep::results
