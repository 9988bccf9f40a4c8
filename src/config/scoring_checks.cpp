#include "config/scoring_checks.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "config/checks.h"

namespace saesweep::config {
namespace {

//! Marks of a window are bits of a number.
constexpr int64_t kMostWindowTokens = 63;

bool has_scorer(const autointerp::AutointerpOptions& scoring, const std::string& name) {
  return std::ranges::find(scoring.scorers, name) != scoring.scorers.end();
}

void check_windows(const sweep::SweepOptions& options, const toml::table& root) {
  const auto& scoring = options.autointerp;
  const int64_t context = options.text.context_length;
  if (scoring.window_tokens > kMostWindowTokens || context % scoring.window_tokens != 0) {
    refuse(options, root, "autointerp.window_tokens",
           fmt::format("found {}, expected a divisor of text.context_length, {}, of at most {}", scoring.window_tokens,
                       context, kMostWindowTokens));
  }
  if (scoring.harvest_tokens < context) {
    refuse(
        options, root, "autointerp.harvest_tokens",
        fmt::format("found {}, expected at least one row (text.context_length, {})", scoring.harvest_tokens, context));
  }
}

void check_latents(const sweep::SweepOptions& options, const toml::table& root) {
  const auto& scoring = options.autointerp;
  if (scoring.null_latents > scoring.latents) {
    refuse(options, root, "autointerp.null_latents",
           fmt::format("found {}, expected at most autointerp.latents, {}", scoring.null_latents, scoring.latents));
  }
  if (scoring.null_latents > 0 && scoring.latents < 2) {
    refuse(options, root, "autointerp.null_latents",
           fmt::format("found {}, but the explanation of another latent needs two; expected 0, or autointerp.latents "
                       "of at least 2",
                       scoring.null_latents));
  }
}

void check_examples(const sweep::SweepOptions& options, const toml::table& root) {
  const auto& scoring = options.autointerp;
  if (scoring.explainer_examples + scoring.scorer_examples > scoring.min_windows) {
    refuse(
        options, root, "autointerp.min_windows",
        fmt::format("found {}, expected at least explainer_examples + scorer_examples, {} + {} = {}, since no window "
                    "of the scorers is among the explainer's",
                    scoring.min_windows, scoring.explainer_examples, scoring.scorer_examples,
                    scoring.explainer_examples + scoring.scorer_examples));
  }
  if (has_scorer(scoring, "simulation") && scoring.simulation_examples > scoring.scorer_examples) {
    refuse(options, root, "autointerp.simulation_examples",
           fmt::format("found {}, expected at most scorer_examples, {}, of which they are", scoring.simulation_examples,
                       scoring.scorer_examples));
  }
  if (scoring.stored_examples > scoring.entropy_examples) {
    refuse(options, root, "autointerp.stored_examples",
           fmt::format("found {}, expected at most entropy_examples, {}, of which they are", scoring.stored_examples,
                       scoring.entropy_examples));
  }
}

void check_endpoint(const sweep::SweepOptions& options, const toml::table& root) {
  const auto& judge = options.judge;
  if (judge.kind != "openai") return;
  if (judge.model.empty()) {
    refuse(options, root, "judge.kind", "found \"openai\", which needs judge.model, the model's name at the endpoint");
  }
  if (judge.base_urls.empty() && judge.endpoint_file.empty()) {
    refuse(options, root, "judge.kind",
           "found \"openai\", which needs the endpoint's address: judge.base_url, as \"http://host:8000/v1\", or "
           "judge.endpoint_file");
  }
  if (!judge.base_urls.empty() && !judge.endpoint_file.empty()) {
    refuse(options, root, "judge.endpoint_file", "given together with base_url; expected one of them");
  }
}

//! A second place for a setting would leave open which one holds, and what the ids are made of.
void check_extra_body(const sweep::SweepOptions& options, const toml::table& root) {
  const auto body = Json::parse(options.judge.extra_body);
  for (const auto* field : {"model", "messages", "prompt", "temperature", "max_tokens", "seed", "logprobs",
                            "top_logprobs", "prompt_logprobs", "echo", "n", "stream"}) {
    if (!body.contains(field)) continue;
    refuse(options, root, "judge.extra_body",
           fmt::format("found {}, which saesweep sets itself; expected further fields only", field));
  }
}

}  // namespace

void check_scoring(const sweep::SweepOptions& options, const toml::table& root) {
  check_windows(options, root);
  check_latents(options, root);
  check_examples(options, root);
  check_endpoint(options, root);
  check_extra_body(options, root);
}

}  // namespace saesweep::config
