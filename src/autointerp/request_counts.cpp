#include "autointerp/request_counts.h"

#include <algorithm>
#include <string_view>

namespace saesweep::autointerp {

namespace {

constexpr double kCharactersAToken = 4;
//! One sentence.
constexpr double kExplanationTokens = 30;
//! Room that templates leave for reasoning is rarely used up.
constexpr double kShareOfMaxTokens = 0.25;
//! A number and what parts it from the next.
constexpr double kTokensAnAnswer = 2;
//! Shares of a window's tokens that are marked, and what listing one with its activation takes.
constexpr double kMarkedShare = 0.125;
constexpr double kTokensAnActivation = 5;

double tokens_of(std::string_view text) {
  return static_cast<double>(text.size()) / kCharactersAToken;
}

//! The text around the examples.
double frame_tokens(const PromptTemplate& prompt) {
  double tokens = tokens_of(prompt.system) + tokens_of(prompt.user);
  for (const auto& shot : prompt.shots) tokens += tokens_of(shot.content);
  return tokens;
}

//! One of the examples that have window_tokens tokens of text, and the end of its last line.
double example_tokens(const PromptTemplate& prompt, double window_tokens) {
  double tokens = tokens_of(prompt.example) + window_tokens + 1;
  if (prompt.example.find("{activations}") != std::string::npos) {
    tokens += kMarkedShare * window_tokens * kTokensAnActivation;
  }
  return tokens;
}

RequestCount of_explanation(const AutointerpOptions& options) {
  const auto& prompt = options.prompts.explanation;
  const auto window = static_cast<double>(options.window_tokens);
  return {"explanation", 1,
          frame_tokens(prompt) + static_cast<double>(options.explainer_examples) * example_tokens(prompt, window),
          kShareOfMaxTokens * static_cast<double>(prompt.max_tokens)};
}

//! Fuzzing or detection with so many examples, the last prompt of which may be short.
RequestCount of_classification(const std::string& task, const PromptTemplate& prompt, int64_t n_examples,
                               const AutointerpOptions& options) {
  const int64_t n_requests = (n_examples + options.examples_per_prompt - 1) / options.examples_per_prompt;
  const auto requests = static_cast<double>(n_requests), examples = static_cast<double>(n_examples);
  return {task, n_requests,
          requests * (frame_tokens(prompt) + kExplanationTokens) +
              examples * example_tokens(prompt, static_cast<double>(options.window_tokens)),
          requests + kTokensAnAnswer * examples};
}

//! A request a window, whose tokens stand on a line each.
RequestCount of_simulation(const AutointerpOptions& options, bool by_prompt) {
  const auto& prompt = by_prompt ? options.prompts.simulation_prompt : options.prompts.simulation;
  const auto requests = static_cast<double>(options.simulation_examples);
  const auto window = static_cast<double>(options.window_tokens);
  const double reply = by_prompt ? 0 : 1 + kTokensAnAnswer * window;
  return {"simulation", options.simulation_examples,
          requests * (frame_tokens(prompt) + kExplanationTokens + window * example_tokens(prompt, 1)),
          requests * reply};
}

RequestCount times(RequestCount count, int64_t n) {
  count.n_requests *= n;
  count.n_prompt_tokens *= static_cast<double>(n);
  count.n_reply_tokens *= static_cast<double>(n);
  return count;
}

}  // namespace

std::vector<RequestCount> request_counts(const AutointerpOptions& options, bool by_prompt, int64_t n_latents) {
  const auto wants = [&](const char* scorer) {
    return std::ranges::find(options.scorers, scorer) != options.scorers.end();
  };
  std::vector<RequestCount> of_latent;
  if (wants("fuzzing")) {
    of_latent.push_back(of_classification("fuzzing", options.prompts.fuzzing, 2 * options.scorer_examples, options));
  }
  if (wants("detection")) {
    of_latent.push_back(of_classification("detection", options.prompts.detection,
                                          options.scorer_examples + options.n_silent(), options));
  }
  if (wants("simulation")) of_latent.push_back(of_simulation(options, by_prompt));

  const int64_t n_scored = std::min(options.latents, n_latents);
  const int64_t n_null = n_scored > 1 ? std::min(options.null_latents, n_scored) : 0;
  std::vector<RequestCount> counts = {times(of_explanation(options), n_scored)};
  RequestCount null{.task = "null"};
  for (const auto& count : of_latent) {
    counts.push_back(times(count, n_scored));
    const RequestCount again = times(count, n_null);
    null.n_requests += again.n_requests;
    null.n_prompt_tokens += again.n_prompt_tokens;
    null.n_reply_tokens += again.n_reply_tokens;
  }
  if (n_null > 0) counts.push_back(null);
  return counts;
}

}  // namespace saesweep::autointerp
