#include "model/options.h"

#include <array>
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

}  // namespace

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
