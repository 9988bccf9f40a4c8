#include "config/checks.h"

#include <fmt/format.h>

#include "base/errors.h"
#include "config/place.h"

namespace saesweep::config {
namespace {

[[noreturn]] void refuse(const sweep::SweepOptions& options, const toml::table& root, const std::string& key,
                         const std::string& problem) {
  const auto node = root.at_path(key);
  throw ConfigError(node ? place_of(node.node()->source()) : options.source, key + ": " + problem);
}

}  // namespace

void check_together(const sweep::SweepOptions& options, const toml::table& root) {
  const int64_t context = options.text.context_length;
  const int64_t batch = options.train.batch_tokens;
  if (batch % context != 0) {
    refuse(options, root, "sae.batch_tokens",
           fmt::format("found {}, expected a multiple of text.context_length, {}", batch, context));
  }
  for (const int64_t tokens : options.axes.tokens) {
    if (tokens >= batch) continue;
    refuse(options, root, "sae.tokens",
           fmt::format("found {}, expected at least one batch (sae.batch_tokens, {})", tokens, batch));
  }
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
}

}  // namespace saesweep::config
