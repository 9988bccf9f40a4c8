#include "model/hookpoint.h"

#include <charconv>
#include <map>
#include <string_view>

#include "base/errors.h"

namespace saesweep::model {
namespace {

constexpr std::string_view kLayers = "layers.";

[[noreturn]] void refuse(const std::string& name) {
  throw InputError("hookpoint",
                   "found '" + name + "', expected embed_in, layers.N, layers.N.attention or layers.N.mlp");
}

}  // namespace

std::string Hookpoint::name() const {
  std::string block = std::string(kLayers) + std::to_string(layer);
  switch (kind) {
    case Kind::kEmbedding:
      return "embed_in";
    case Kind::kAttention:
      return block + ".attention";
    case Kind::kMlp:
      return block + ".mlp";
    case Kind::kResidual:
      break;
  }
  return block;
}

Hookpoint hookpoint_from(const std::string& name) {
  if (name == "embed_in") return {Hookpoint::Kind::kEmbedding, -1};
  if (!name.starts_with(kLayers)) refuse(name);
  const char* first = name.data() + kLayers.size();
  const char* last = name.data() + name.size();
  Hookpoint hookpoint;
  const auto [end, error] = std::from_chars(first, last, hookpoint.layer);
  if (error != std::errc() || hookpoint.layer < 0) refuse(name);
  const std::string_view part(end, static_cast<size_t>(last - end));
  if (part == ".attention") {
    hookpoint.kind = Hookpoint::Kind::kAttention;
  } else if (part == ".mlp") {
    hookpoint.kind = Hookpoint::Kind::kMlp;
  } else if (!part.empty()) {
    refuse(name);
  }
  return hookpoint;
}

Hookpoint::Kind hookpoint_kind_from(const std::string& name) {
  using Kind = Hookpoint::Kind;
  static const std::map<std::string, Kind> kinds = {
      {"residual", Kind::kResidual}, {"mlp", Kind::kMlp}, {"attention", Kind::kAttention}, {"embed", Kind::kEmbedding}};
  const auto found = kinds.find(name);
  if (found == kinds.end()) {
    throw InputError("hookpoint", "found '" + name + "', expected residual, mlp, attention or embed");
  }
  return found->second;
}

}  // namespace saesweep::model
