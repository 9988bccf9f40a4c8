#include "sweep/ids.h"

#include "base/hash.h"
#include "base/json.h"
#include "train/recipe.h"

namespace saesweep::sweep {
namespace {

// The library keeps keys sorted and writes numbers in their shortest exact form, so equal settings give equal text.
std::string id_of(const Json& settings) {
  return hex(sha256(settings.dump()), 16);
}

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

}  // namespace

void assign_ids(Cell& cell, const SweepOptions& options, const ResolvedInputs& inputs) {
  Json sae = sae_settings(cell, options.train);
  // The CPU gives the same bits everywhere; other devices do not.
  if (options.run.device == "cuda") sae["device"] = options.run.device;
  cell.id =
      id_of({{"model", model_settings(cell, options)}, {"text", text_settings(cell, options, inputs)}, {"sae", sae}});
  cell.evaluate_id = id_of({{"train", cell.id},
                            {"held_out", inputs.held_out_text_hash},
                            {"tokens", options.evaluate.tokens},
                            {"ce_tokens", options.evaluate.ce_tokens}});
  cell.score_id = id_of({{"evaluate", cell.evaluate_id}});
}

}  // namespace saesweep::sweep
