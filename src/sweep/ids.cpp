#include "sweep/ids.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/hash.h"
#include "base/json.h"
#include "judge/lexical_reply.h"
#include "train/recipe.h"

namespace saesweep::sweep {
namespace {

// The library keeps keys sorted and writes numbers in their shortest exact form, so equal settings give equal text.
// What stands in such a text for the value that is put in.
const char* const kMark = "<value>";

Json model_settings(const Cell& cell, const SweepOptions& options) {
  const bool redrawn =
      cell.variant == model::Variant::kRerandomizedIncl || cell.variant == model::Variant::kRerandomizedExcl;
  Json settings = {{"content", cell.model_hash},
                   {"variant", model::name_of(cell.variant)},
                   {"init_seed", cell.init_seed},
                   {"dtype", options.model.dtype},
                   {"hookpoint", cell.hookpoint.name()}};
  if (redrawn) settings["rerandomize_norms"] = options.model.rerandomize_norms;
  return settings;
}

Json text_settings(const Cell& cell, const SweepOptions& options, const ResolvedInputs& inputs) {
  return {{"train", inputs.train_text_hash},
          {"tokenizer", inputs.models.at(cell.model_path).tokenizer_hash},
          {"context_length", options.text.context_length},
          {"data_seed", options.text.data_seed}};
}

//! The settings as the recipe fills them in, so that a default that is written out is no other setting.
Json sae_settings(const Cell& cell, train::TrainOptions train) {
  if (cell.is_loaded()) return {{"loaded", cell.sae_hash}};
  train.tokens = cell.tokens;
  const train::Recipe recipe = train::make_recipe(train, cell.n_latents);
  Json settings = {{"architecture", name_of(cell.sae.architecture)},
                   {"expansion_factor", cell.sae.expansion_factor},
                   {"k", cell.sae.k},
                   {"seed", cell.sae_seed},
                   {"tokens", cell.tokens},
                   {"batch_tokens", train.batch_tokens},
                   {"buffer_tokens", train.buffer_tokens},
                   {"recipe", train.recipe},
                   {"optimizer", train.optimizer},
                   {"optimizer_state", train.optimizer_state},
                   {"precision", train.precision},
                   {"learning_rate", recipe.learning_rate},
                   {"warmup_steps", recipe.warmup_steps},
                   {"decays", recipe.decays},
                   {"parts", recipe.n_parts},
                   {"gradient_clip", recipe.gradient_clip},
                   {"starts_from_median", recipe.starts_from_median},
                   {"auxk_alpha", recipe.auxk_alpha},
                   {"multi_topk", recipe.multi_topk},
                   {"dead_after_tokens", train.dead_after_tokens}};
  if (!takes_k(cell.sae.architecture)) settings["penalty"] = cell.sae.penalty;
  if (cell.sae.architecture == sae::Architecture::kMatryoshka) {
    settings["matryoshka_sizes"] = cell.sae.matryoshka_sizes(cell.d_in);
  }
  return settings;
}

//! What decides which latents are scored, and on which windows. The text is read from where the evaluation's ends.
Json harvest_settings(const SweepOptions& options) {
  const auto& scoring = options.autointerp;
  const int64_t context = options.text.context_length;
  return {{"first_row", std::max<int64_t>(1, options.evaluate.tokens / context)},
          {"rows", scoring.harvest_tokens / context},
          {"latents", scoring.latents},
          {"window_tokens", scoring.window_tokens},
          {"window", scoring.window},
          {"min_windows", scoring.min_windows},
          {"special_tokens", scoring.special_tokens},
          {"explainer_examples", scoring.explainer_examples},
          {"explainer_selection", scoring.explainer_selection},
          {"scorer_examples", scoring.scorer_examples},
          {"scorer_selection", scoring.scorer_selection},
          {"silent_examples", scoring.n_silent()},
          {"negatives", scoring.negatives},
          {"entropy_examples", scoring.entropy_examples}};
}

//! What the judge reads of it: comments and layout of its file stay out.
Json prompt_settings(const autointerp::PromptTemplate& prompt) {
  Json shots = Json::array();
  for (const auto& shot : prompt.shots) shots.push_back({shot.role, shot.content});
  return {{"system", prompt.system},
          {"shots", shots},
          {"user", prompt.user},
          {"example", prompt.example},
          {"answer_after", prompt.answer_after},
          {"max_tokens", prompt.max_tokens}};
}

Json scorer_settings(const autointerp::AutointerpOptions& scoring, bool by_prompt) {
  const auto& prompts = scoring.prompts;
  Json settings = {{"explanation", prompt_settings(prompts.explanation)}};
  for (const auto& scorer : scoring.scorers) {
    if (scorer == "fuzzing") {
      settings[scorer] = {{"prompt", prompt_settings(prompts.fuzzing)}, {"negatives", scoring.fuzz_negatives}};
    } else if (scorer == "detection") {
      settings[scorer] = {{"prompt", prompt_settings(prompts.detection)}};
    } else {
      settings[scorer] = {{"prompt", prompt_settings(by_prompt ? prompts.simulation_prompt : prompts.simulation)},
                          {"examples", scoring.simulation_examples}};
    }
  }
  return settings;
}

Json judge_settings(const judge::JudgeOptions& judge) {
  Json settings = {
      {"kind", judge.kind}, {"logprobs", judge.logprobs}, {"prompt_logprobs", judge.prompt_logprobs != "none"}};
  if (judge.kind == "lexical") {
    settings["version"] = judge::kLexicalVersion;
    return settings;
  }
  settings["prompt_logprobs"] = judge.prompt_logprobs;
  settings["model"] = judge.model;
  settings["temperature"] = judge.temperature;
  settings["seed"] = judge.seed;
  settings["top_logprobs"] = judge.top_logprobs;
  settings["extra_body"] = Json::parse(judge.extra_body);
  return settings;
}

Json score_settings(const SweepOptions& options) {
  const auto& scoring = options.autointerp;
  return {{"evaluate", kMark},
          {"harvest", harvest_settings(options)},
          {"scorers", scorer_settings(scoring, options.judge.prompt_logprobs != "none")},
          {"null_latents", scoring.null_latents},
          {"examples_per_prompt", scoring.examples_per_prompt},
          {"mark_threshold", scoring.mark_threshold},
          {"stored_examples", scoring.stored_examples},
          {"judge", judge_settings(options.judge)}};
}

}  // namespace

std::string CellIds::Frame::id_with(const std::string& value) const {
  return hex(sha256(before + value + after), 16);
}

//! Parts a text at the mark that stands for the value of a key.
CellIds::Frame CellIds::frame_of(const std::string& text, const std::string& key) {
  const std::string before = Json(key).dump() + ":", mark = Json(kMark).dump();
  const size_t at = text.find(before + mark) + before.size();
  const bool is_text = key != "sae" && key != "seed";
  return {text.substr(0, at) + (is_text ? "\"" : ""), (is_text ? "\"" : "") + text.substr(at + mark.size())};
}

CellIds::CellIds(const SweepOptions& options, const ResolvedInputs& inputs) : options_(options), inputs_(inputs) {
  evaluate_ = frame_of(Json{{"train", kMark},
                            {"held_out", inputs.held_out_text_hash},
                            {"tokens", options.evaluate.tokens},
                            {"ce_tokens", options.evaluate.ce_tokens}}
                           .dump(),
                       "train");
  if (!options.autointerp.is_wanted) return;
  harvest_ = frame_of(
      Json{{"train", kMark}, {"held_out", inputs.held_out_text_hash}, {"harvest", harvest_settings(options)}}.dump(),
      "train");
  // By its hash: the prompts' texts are hashed once, not for each cell.
  score_ =
      frame_of(Json{{"evaluate", kMark}, {"settings", hex(sha256(score_settings(options).dump()))}}.dump(), "evaluate");
}

const CellIds::Frame& CellIds::place_of(const Cell& cell) {
  Place place{cell.model_path, cell.model_hash, cell.variant, cell.init_seed, cell.hookpoint};
  if (place_ != place) {
    const Json settings = {
        {"model", model_settings(cell, options_)}, {"text", text_settings(cell, options_, inputs_)}, {"sae", kMark}};
    place_frame_ = frame_of(settings.dump(), "sae");
    place_ = std::move(place);
  }
  return place_frame_;
}

const CellIds::Frame& CellIds::sae_of(const Cell& cell) {
  const auto penalty = std::isnan(cell.sae.penalty) ? std::nullopt : std::optional(cell.sae.penalty);
  const auto [found, is_new] = saes_.try_emplace({cell.sae.architecture, cell.sae.expansion_factor, cell.sae.k, penalty,
                                                  cell.tokens, cell.d_in, cell.n_latents, cell.sae_hash});
  if (is_new) {
    Json sae = sae_settings(cell, options_.train);
    // The CPU gives the same bits everywhere; other devices do not.
    if (options_.run.device == "cuda") sae["device"] = options_.run.device;
    if (!cell.is_loaded()) sae["seed"] = kMark;
    found->second = cell.is_loaded() ? Frame{sae.dump(), ""} : frame_of(sae.dump(), "seed");
  }
  return found->second;
}

void CellIds::assign(Cell& cell) {
  const Frame& sae = sae_of(cell);
  const std::string seed = cell.is_loaded() ? "" : std::to_string(cell.sae_seed);
  cell.id = place_of(cell).id_with(sae.before + seed + sae.after);
  cell.evaluate_id = evaluate_.id_with(cell.id);
  const bool is_scored = options_.autointerp.is_wanted;
  cell.harvest_id = is_scored ? harvest_.id_with(cell.id) : "";
  cell.score_id = is_scored ? score_.id_with(cell.evaluate_id) : "";
}

void assign_ids(Cell& cell, const SweepOptions& options, const ResolvedInputs& inputs) {
  CellIds(options, inputs).assign(cell);
}

}  // namespace saesweep::sweep
