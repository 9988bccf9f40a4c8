#include "config/checks.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/scoring_checks.h"
#include "config/toml_text.h"

namespace saesweep::config {
namespace {

//! What decides an SAE that is loaded stands in its folder.
void refuse_beside_load(const sweep::SweepOptions& options, const toml::table& root) {
  for (const auto& [key, node] : *root.get_as<toml::table>("sae")) {
    if (key.str() == "load") continue;
    refuse(options, root, "sae." + std::string(key.str()),
           "given together with sae.load; SAEs that are loaded bring their settings with them");
  }
}

void check_training(const sweep::SweepOptions& options, const toml::table& root) {
  const int64_t context = options.text.context_length;
  const int64_t batch = options.train.batch_tokens;
  if (batch % context != 0) {
    refuse(options, root, "sae.batch_tokens",
           fmt::format("found {}, expected a multiple of text.context_length, {}", batch, context));
  }
  if (const int64_t buffer = options.train.buffer_tokens; buffer % batch != 0) {
    refuse(options, root, "sae.buffer_tokens",
           fmt::format("found {}, expected a multiple of sae.batch_tokens, {}", buffer, batch));
  }
  if (const auto parts = options.train.gradient_accumulation; batch % parts.value_or(1) != 0) {
    refuse(options, root, "sae.gradient_accumulation",
           fmt::format("found {}, expected a divisor of sae.batch_tokens, {}", *parts, batch));
  }
  const auto& kinds = options.axes.architectures;
  if (options.train.multi_topk &&
      std::any_of(kinds.begin(), kinds.end(), [](auto kind) { return kind != sae::Architecture::kTopK; })) {
    refuse(options, root, "sae.multi_topk", "found true, but MultiTopK is defined for the architecture topk alone");
  }
  for (const int64_t tokens : options.axes.tokens) {
    if (tokens >= batch) continue;
    refuse(options, root, "sae.tokens",
           fmt::format("found {}, expected at least one batch (sae.batch_tokens, {})", tokens, batch));
  }
}

}  // namespace

void refuse(const sweep::SweepOptions& options, const toml::table& root, const std::string& key,
            const std::string& problem) {
  refuse_key(options.source, root, key, problem);
}

void check_together(const sweep::SweepOptions& options, const toml::table& root) {
  if (options.load.empty()) {
    check_training(options, root);
  } else {
    refuse_beside_load(options, root);
  }
  const int64_t context = options.text.context_length;
  if (options.evaluate.tokens < context) {
    refuse(
        options, root, "evaluate.tokens",
        fmt::format("found {}, expected at least one row (text.context_length, {})", options.evaluate.tokens, context));
  }
  if (options.evaluate.ce_tokens < context || options.evaluate.ce_tokens > options.evaluate.tokens) {
    refuse(options, root, "evaluate.ce_tokens",
           fmt::format("found {}, expected at least one row (text.context_length, {}) and at most evaluate.tokens, {}",
                       options.evaluate.ce_tokens, context, options.evaluate.tokens));
  }
  if (options.autointerp.is_wanted) check_scoring(options, root);
}

}  // namespace saesweep::config
