#include "train/options.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>
#include <utility>

#include "base/errors.h"

namespace saesweep::train {

namespace {

//! "90 s" and its like, in seconds.
std::optional<double> seconds_in(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || !std::isfinite(number) || number < 0) return std::nullopt;
  std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
  while (unit.starts_with(' ')) unit.remove_prefix(1);
  for (const auto& [name, seconds] : {std::pair("s", 1.0), {"min", 60.0}, {"h", 3600.0}}) {
    if (unit == name) return number * seconds;
  }
  return std::nullopt;
}

std::optional<int64_t> integer_in(std::string text) {
  std::erase(text, '_');
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

CheckpointEvery parse_checkpoint_every(const std::string& text) {
  using Kind = CheckpointEvery::Kind;
  if (text == "auto") return {};
  if (text == "never") return {Kind::kNever, 0};
  if (const auto tokens = integer_in(text); tokens && *tokens > 0) return {Kind::kTokens, static_cast<double>(*tokens)};
  if (const auto seconds = seconds_in(text); seconds && *seconds > 0) return {Kind::kSeconds, *seconds};
  throw InputError("checkpoint_every",
                   fmt::format("found '{}', expected tokens (an integer), a time as \"10 min\", \"90 s\" or \"1 h\", "
                               "\"auto\" or \"never\"",
                               text));
}

double parse_duration(const std::string& text) {
  if (const auto seconds = seconds_in(text)) return *seconds;
  if (const auto seconds = seconds_in(text + "s")) return *seconds;
  throw InputError("duration", fmt::format("found '{}', expected a time as \"30 s\", \"5 min\" or \"1 h\"", text));
}

}  // namespace saesweep::train
