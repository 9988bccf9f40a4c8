#pragma once

#include <map>
#include <string>
#include <vector>

#include "model/config.h"
#include "sweep/cell.h"
#include "sweep/options.h"

namespace saesweep::sweep {

//! What expansion has to know about a checkpoint.
struct ModelInputs {
  model::GptNeoxConfig config;
  //! Hash of the content of the weights and of what shapes their numbers.
  std::string hash;
  //! The same of the weights before the first step; empty where the checkpoint has none.
  std::string step0_hash;
  std::string tokenizer_hash;
};

//! What a sweep file points to, looked up once: plain data, so that expansion reads no file.
struct ResolvedInputs {
  //! By path as in GridAxes::model_paths.
  std::map<std::string, ModelInputs> models;
  //! Hashes of the documents' texts, in order.
  std::string train_text_hash;
  std::string held_out_text_hash;
};

//! Reads and hashes models, tokenizers and texts of the sweep. Throws ModelError, TextError.
ResolvedInputs resolve_inputs(const SweepOptions& options);

//! The cells of the sweep, with ids: the product of the axes, the later ones of this list running fastest: model,
//! variant, init seed, hookpoint, layers, architecture, expansion factor, k, SAE seed, tokens.
//! Variants that no init seed enters are expanded once, with init_seed -1; the embedding ignores layers.
//! Throws ConfigError for a layer out of range, k above the latents, a context longer than the model's, a variant
//! the checkpoint cannot give, and for two cells of the same id.
std::vector<Cell> expand(const SweepOptions& options, const ResolvedInputs& inputs);

}  // namespace saesweep::sweep
