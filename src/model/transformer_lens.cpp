#include "model/transformer_lens.h"

#include <fmt/format.h>

#include <charconv>
#include <stdexcept>
#include <string_view>

namespace saesweep::model {

namespace {

constexpr std::string_view kBlocks = "blocks.";

}  // namespace

std::string transformer_lens_name(const Hookpoint& hookpoint) {
  switch (hookpoint.kind) {
    case Hookpoint::Kind::kEmbedding:
      return "hook_embed";
    case Hookpoint::Kind::kResidual:
      return fmt::format("{}{}.hook_resid_post", kBlocks, hookpoint.layer);
    case Hookpoint::Kind::kAttention:
      return fmt::format("{}{}.hook_attn_out", kBlocks, hookpoint.layer);
    case Hookpoint::Kind::kMlp:
      return fmt::format("{}{}.hook_mlp_out", kBlocks, hookpoint.layer);
  }
  throw std::logic_error("hookpoint without a name");
}

std::optional<Hookpoint> hookpoint_of_transformer_lens(const std::string& name) {
  using Kind = Hookpoint::Kind;
  if (name == "hook_embed") return Hookpoint{Kind::kEmbedding, -1};
  if (!name.starts_with(kBlocks)) return {};
  Hookpoint hookpoint;
  const char* const last = name.data() + name.size();
  const auto [end, error] = std::from_chars(name.data() + kBlocks.size(), last, hookpoint.layer);
  if (error != std::errc() || hookpoint.layer < 0) return {};
  const std::string_view hook(end, static_cast<size_t>(last - end));
  if (hook == ".hook_resid_post") return hookpoint;
  hookpoint.kind = Kind::kAttention;
  if (hook == ".hook_attn_out") return hookpoint;
  if (hook == ".hook_resid_pre") return hookpoint.before();
  hookpoint.kind = Kind::kMlp;
  if (hook == ".hook_mlp_out") return hookpoint;
  return {};
}

}  // namespace saesweep::model
