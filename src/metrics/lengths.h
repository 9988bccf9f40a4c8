#pragma once

#include <cstddef>

namespace saesweep::metrics {

//! Throws SystemError, naming the metric, where spans that belong together have unlike lengths.
void check_lengths(const char* metric, size_t a, size_t b);

}  // namespace saesweep::metrics
