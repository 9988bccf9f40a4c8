#include "config/place.h"

#include <fmt/format.h>

namespace saesweep::config {

std::string place_of(const toml::source_region& source) {
  const std::string file = source.path ? *source.path : "sweep";
  return file.starts_with(kOverride) ? file : fmt::format("{}:{}", file, source.begin.line);
}

}  // namespace saesweep::config
