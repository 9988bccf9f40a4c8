#include "metrics/lengths.h"

#include <fmt/format.h>

#include "base/errors.h"

namespace saesweep::metrics {

void check_lengths(const char* metric, size_t a, size_t b) {
  if (a != b) throw SystemError(fmt::format("{}: spans of {} and {} numbers, expected equal lengths", metric, a, b));
}

}  // namespace saesweep::metrics
