#include "config/key.h"

#include <fmt/format.h>

namespace saesweep::config {

std::string list_keys() {
  sweep::SweepOptions defaults;
  const auto all = tables();
  for (const auto& table : all) {
    for (const auto& key : table.keys) key.fill(defaults);
  }
  std::string text;
  for (const auto& table : all) {
    text += fmt::format("[{}]\n", table.name);
    for (const auto& key : table.keys) {
      const auto fallback = key.required ? "required" : "default " + key.write(defaults);
      text += fmt::format("  {}: {}\n      {}; {}\n", key.name, key.meaning, key.expects, fallback);
    }
  }
  return text;
}

}  // namespace saesweep::config
