#include "model/options.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "base/errors.h"
#include "base/suggest.h"

namespace saesweep::model {
namespace {

struct NamedVariant {
  Variant variant;
  const char* name;
};

constexpr std::array<NamedVariant, 5> kVariants = {{{Variant::kTrained, "trained"},
                                                    {Variant::kRerandomizedIncl, "rerandomized_incl"},
                                                    {Variant::kRerandomizedExcl, "rerandomized_excl"},
                                                    {Variant::kStep0, "step0"},
                                                    {Variant::kControl, "control"}}};

//! A part of a hub name: letters, digits, '-', '_' and '.', which does not begin it.
bool is_hub_part(std::string_view part) {
  const auto allowed = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_' ||
           c == '.';
  };
  return !part.empty() && part.front() != '.' && std::ranges::all_of(part, allowed);
}

}  // namespace

bool is_hub_name(const std::string& name) {
  const std::string_view whole(name);
  const size_t at = whole.find('@'), slash = whole.find('/');
  if (slash == std::string_view::npos || slash > at) return false;
  const std::string_view model = whole.substr(slash + 1, at == std::string_view::npos ? at : at - slash - 1);
  return is_hub_part(whole.substr(0, slash)) && is_hub_part(model) &&
         (at == std::string_view::npos || is_hub_part(whole.substr(at + 1)));
}

std::string name_of(Variant variant) {
  return kVariants.at(static_cast<size_t>(variant)).name;
}

Variant variant_from(const std::string& name) {
  std::vector<std::string> names;
  for (const NamedVariant& known : kVariants) {
    if (name == known.name) return known.variant;
    names.emplace_back(known.name);
  }
  throw InputError("variant", "found '" + name + "', expected " + list_of(names));
}

}  // namespace saesweep::model
