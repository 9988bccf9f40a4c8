#include "config/scoring_tables.h"

#include <algorithm>

#include "config/judge_values.h"
#include "config/setting.h"

namespace saesweep::config {
namespace {

using sweep::SweepOptions;

Key prompt(std::string name, Field<std::string> field, std::string fallback, std::string meaning) {
  auto key = setting<std::string>(std::move(name), prompt_name(), field, std::move(meaning));
  key.fill = [=](SweepOptions& options) { field(options) = fallback; };
  return key;
}

using autointerp::AutointerpOptions;

// A number that is a part of another: its default is what fits into that.
Key part(std::string name, int64_t least, Field<int64_t> field, int64_t (*most)(const AutointerpOptions&),
         std::string meaning) {
  auto key = setting<int64_t>(std::move(name), integer_at_least(least), field, std::move(meaning));
  key.fill = [=](SweepOptions& options) { field(options) = std::min(field(options), most(options.autointerp)); };
  return key;
}

// A key that was put here by mistake must not be repeated in a message.
Key api_key_env() {
  const std::string expects = "the name of an environment variable, in capitals, or \"\"";
  return {.name = "api_key_env",
          .meaning = "environment variable that holds the endpoint's key; \"\": none is sent",
          .expects = expects,
          .read =
              [=](const toml::node& node, SweepOptions& options) {
                const auto* found = node.as_string();
                constexpr const char* kAllowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
                if (found == nullptr || found->get().find_first_not_of(kAllowed) != std::string::npos) {
                  throw BadValue(node, "expected " + expects + "; what was found may be a key and is not shown");
                }
                options.judge.api_key_env = found->get();
              },
          .write = [](const SweepOptions& options) { return quoted(options.judge.api_key_env); }};
}

std::vector<Key> example_keys() {
  return {
      setting<int64_t>(
          "explainer_examples", integer_at_least(1),
          [](SweepOptions & o) -> auto& { return o.autointerp.explainer_examples; },
          "firing windows that the explainer is shown"),
      setting<std::string>(
          "explainer_selection", one_of({"quantiles", "top", "random", "mix"}),
          [](SweepOptions & o) -> auto& { return o.autointerp.explainer_selection; },
          "which: evenly from ten quantiles of their peaks, the highest, at random, or half top and half quantiles"),
      setting<int64_t>(
          "scorer_examples", integer_at_least(1),
          [](SweepOptions & o) -> auto& { return o.autointerp.scorer_examples; },
          "firing windows that scorers are shown; none of them is among the explainer's"),
      setting<std::string>(
          "scorer_selection", one_of({"quantiles", "random"}),
          [](SweepOptions & o) -> auto& { return o.autointerp.scorer_selection; }, "which"),
      setting<int64_t>(
          "silent_examples", integer_at_least(0),
          [](SweepOptions & o) -> auto& { return o.autointerp.silent_examples; },
          "silent windows of detection; 0: as many as scorer_examples"),
      setting<std::string>(
          "negatives", one_of({"random", "decoder", "cooccurrence"}),
          [](SweepOptions & o) -> auto& { return o.autointerp.negatives; },
          "which silent windows: any, or of the nearest latents by decoder cosine or by cooccurrence"),
      setting<std::string>(
          "fuzz_negatives", one_of({"silent_windows", "silent_tokens", "both"}),
          [](SweepOptions & o) -> auto& { return o.autointerp.fuzz_negatives; },
          "where wrong marks of fuzzing stand: in silent windows, on silent tokens of firing ones, or half of each"),
      part(
          "simulation_examples", 1, [](SweepOptions & o) -> auto& { return o.autointerp.simulation_examples; },
          [](const AutointerpOptions& o) { return o.scorer_examples; }, "windows simulated a latent"),
      setting<int64_t>(
          "examples_per_prompt", integer_at_least(1),
          [](SweepOptions & o) -> auto& { return o.autointerp.examples_per_prompt; },
          "examples that one prompt of fuzzing or detection asks about"),
      setting<double>(
          "mark_threshold", share_below_1(), [](SweepOptions & o) -> auto& { return o.autointerp.mark_threshold; },
          "tokens above this share of their window's peak are marked"),
      setting<int64_t>(
          "entropy_examples", integer_at_least(1),
          [](SweepOptions & o) -> auto& { return o.autointerp.entropy_examples; },
          "windows with the highest peaks that the token distribution entropy is taken over"),
      part(
          "stored_examples", 0, [](SweepOptions & o) -> auto& { return o.autointerp.stored_examples; },
          [](const AutointerpOptions& o) { return o.entropy_examples; }, "of them, windows kept in the results")};
}

std::vector<Key> prompt_keys() {
  return {prompt(
              "prompt_explanation", [](SweepOptions & o) -> auto& { return o.autointerp.prompts.explanation.name; },
              "explanation", "prompt that asks for explanations"),
          prompt(
              "prompt_fuzzing", [](SweepOptions & o) -> auto& { return o.autointerp.prompts.fuzzing.name; }, "fuzzing",
              "prompt of fuzzing"),
          prompt(
              "prompt_detection", [](SweepOptions & o) -> auto& { return o.autointerp.prompts.detection.name; },
              "detection", "prompt of detection"),
          prompt(
              "prompt_simulation", [](SweepOptions & o) -> auto& { return o.autointerp.prompts.simulation.name; },
              "simulation", "prompt of simulation by a JSON reply"),
          prompt(
              "prompt_simulation_prompt",
              [](SweepOptions & o) -> auto& { return o.autointerp.prompts.simulation_prompt.name; },
              "simulation_prompt", "prompt of simulation by the logprobs of the prompt")};
}

std::vector<Key> latent_keys() {
  return {
      setting<int64_t>(
          "latents", integer_at_least(0), [](SweepOptions & o) -> auto& { return o.autointerp.latents; },
          "latents scored a cell, drawn at random; 0: nothing is scored"),
      part(
          "null_latents", 0, [](SweepOptions & o) -> auto& { return o.autointerp.null_latents; },
          [](const AutointerpOptions& o) { return o.latents > 1 ? o.latents : 0; },
          "of them, latents that are also scored with another latent's explanation"),
      several<std::string>(
          "scorers", one_of({"fuzzing", "detection", "simulation"}),
          [](SweepOptions & o) -> auto& { return o.autointerp.scorers; }, 1, "how explanations are scored"),
      setting<int64_t>(
          "harvest_tokens", integer_at_least(1), [](SweepOptions & o) -> auto& { return o.autointerp.harvest_tokens; },
          "held-out tokens in which windows are sought, others than those of the metrics"),
      setting<double>(
          "harvest_memory_gb", positive_number(),
          [](SweepOptions & o) -> auto& { return o.autointerp.harvest_memory_gb; },
          "memory for windows a rank, in 10^9 bytes"),
      setting<int64_t>(
          "window_tokens", integer_at_least(2), [](SweepOptions & o) -> auto& { return o.autointerp.window_tokens; },
          "tokens a window, at most 63; divides text.context_length"),
      setting<std::string>(
          "window", one_of({"aligned", "centered"}), [](SweepOptions & o) -> auto& { return o.autointerp.window; },
          "rows are cut into windows, or the peak stands at three quarters of its window"),
      setting<int64_t>(
          "min_windows", integer_at_least(1), [](SweepOptions & o) -> auto& { return o.autointerp.min_windows; },
          "firing windows that a latent needs to be scored"),
      setting<bool>(
          "special_tokens", truth(), [](SweepOptions & o) -> auto& { return o.autointerp.special_tokens; },
          "whether windows with special tokens (the end of a text) count")};
}

std::vector<Key> endpoint_keys() {
  return {setting<std::string>(
              "kind", one_of({"lexical", "openai"}), [](SweepOptions & o) -> auto& { return o.judge.kind; },
              "lexical: embedded, knows words but no meaning; openai: an endpoint that speaks OpenAI's protocol"),
          several<std::string>(
              "base_url", url(), [](SweepOptions & o) -> auto& { return o.judge.base_urls; }, 0,
              "the endpoint's base address; requests are balanced over several"),
          setting<std::string>(
              "endpoint_file", path_or_nothing(), [](SweepOptions & o) -> auto& { return o.judge.endpoint_file; },
              "file in which a server's job writes its address, in place of base_url"),
          setting<double>(
              "endpoint_wait", number_at_least_0(), [](SweepOptions & o) -> auto& { return o.judge.endpoint_wait; },
              "seconds to wait for that file"),
          setting<std::string>(
              "model", text_or_nothing(), [](SweepOptions & o) -> auto& { return o.judge.model; },
              "the model's name at the endpoint"),
          api_key_env()};
}

std::vector<Key> reply_keys() {
  return {
      setting<double>(
          "temperature", number_at_least_0(), [](SweepOptions & o) -> auto& { return o.judge.temperature; },
          "temperature of the replies"),
      setting<int64_t>(
          "seed", integer_at_least(0), [](SweepOptions & o) -> auto& { return o.judge.seed; }, "seed of the replies"),
      setting<bool>(
          "logprobs", truth(), [](SweepOptions & o) -> auto& { return o.judge.logprobs; },
          "whether the endpoint gives logprobs; without them there is balanced accuracy, but no AUROC"),
      setting<int64_t>(
          "top_logprobs", integer_at_least(2), [](SweepOptions & o) -> auto& { return o.judge.top_logprobs; },
          "candidates asked for a token of the reply"),
      setting<std::string>(
          "prompt_logprobs", one_of({"none", "echo", "vllm"}),
          [](SweepOptions & o) -> auto& { return o.judge.prompt_logprobs; },
          "how the endpoint gives logprobs of prompts, for simulation; none: it is asked for a JSON reply"),
      setting<std::string>(
          "extra_body", json_object(), [](SweepOptions & o) -> auto& { return o.judge.extra_body; },
          "more fields of each request's body")};
}

std::vector<Key> limit_keys() {
  return {
      setting<int64_t>(
          "max_in_flight", integer_at_least(1), [](SweepOptions & o) -> auto& { return o.judge.max_in_flight; },
          "requests at a time over all ranks"),
      setting<double>(
          "connect_timeout", positive_number(), [](SweepOptions & o) -> auto& { return o.judge.connect_timeout; },
          "seconds to connect"),
      setting<double>(
          "first_byte_timeout", positive_number(), [](SweepOptions & o) -> auto& { return o.judge.first_byte_timeout; },
          "seconds until a reply's first byte"),
      setting<double>(
          "timeout", positive_number(), [](SweepOptions & o) -> auto& { return o.judge.timeout; },
          "seconds for a whole reply"),
      setting<double>(
          "give_up_after", positive_number(), [](SweepOptions & o) -> auto& { return o.judge.give_up_after; },
          "seconds without any usable reply after which the run ends, resumable"),
      setting<int64_t>(
          "budget_requests", integer_at_least(0), [](SweepOptions & o) -> auto& { return o.judge.budget_requests; },
          "requests that a run may send over all ranks; 0: any number"),
      setting<int64_t>(
          "budget_tokens", integer_at_least(0), [](SweepOptions & o) -> auto& { return o.judge.budget_tokens; },
          "tokens of prompts and replies that a run may spend; 0: any number"),
      setting<std::string>(
          "cache_dir", path_or_nothing(), [](SweepOptions & o) -> auto& { return o.judge.cache_dir; },
          "folder of the replies kept; \"\": judge/ in the output")};
}

Table joined(std::string name, std::initializer_list<std::vector<Key>> parts) {
  Table table{.name = std::move(name), .keys = {}};
  for (const auto& part : parts) table.keys.insert(table.keys.end(), part.begin(), part.end());
  return table;
}

}  // namespace

Table autointerp_table() {
  return joined("autointerp", {latent_keys(), example_keys(), prompt_keys()});
}

Table judge_table() {
  return joined("judge", {endpoint_keys(), reply_keys(), limit_keys()});
}

}  // namespace saesweep::config
