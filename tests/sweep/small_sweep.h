#pragma once

#include "sweep/expand.h"
#include "sweep/options.h"

namespace saesweep::sweep {

//! A sweep of one model of 6 layers and width 128: 5 variants x 6 layers x 2 SAE seeds = 60 cells.
inline SweepOptions small_sweep() {
  SweepOptions options;
  options.source = "small.toml";
  options.axes = {.model_paths = {"/models/tiny"},
                  .variants = {model::Variant::kTrained, model::Variant::kRerandomizedIncl,
                               model::Variant::kRerandomizedExcl, model::Variant::kStep0, model::Variant::kControl},
                  .init_seeds = {0},
                  .layers = {LayerSelection{}},
                  .hookpoints = {"residual"},
                  .architectures = {sae::Architecture::kTopK},
                  .expansion_factors = {16},
                  .ks = {16},
                  .l1_penalties = {0.05},
                  .l0_penalties = {0.002},
                  .sae_seeds = {0, 1},
                  .tokens = {204'800}};
  options.text.context_length = 256;
  options.train.batch_tokens = 1024;
  options.evaluate = {.tokens = 50'000, .ce_tokens = 8'000};
  return options;
}

inline ModelInputs small_model() {
  ModelInputs model;
  model.config = {.n_layers = 6, .d_model = 128, .n_heads = 4, .d_mlp = 512, .vocab_size = 4096, .max_context = 256};
  model.source.name = "tiny";
  model.hash = "weights";
  model.step0_hash = "first weights";
  model.tokenizer_hash = "tokenizer";
  return model;
}

inline ResolvedInputs small_inputs() {
  return {.models = {{"/models/tiny", small_model()}}, .train_text_hash = "train", .held_out_text_hash = "held out"};
}

}  // namespace saesweep::sweep
