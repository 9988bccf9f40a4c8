#pragma once

#include <map>
#include <string>

#include "model/config.h"
#include "model/source.h"
#include "sae/folder_info.h"
#include "sweep/options.h"

namespace saesweep::sweep {

//! What expansion has to know about a model.
struct ModelInputs {
  model::ModelSource source;
  model::GptNeoxConfig config;
  //! Hash of the content of the weights and of what shapes their numbers; empty where only step0 is used.
  std::string hash;
  //! The same of the weights before the first step, or of the recipe that they are drawn by; empty where the sweep has
  //! no variant step0.
  std::string step0_hash;
  bool step0_is_drawn = false;
  //! The tokenizer.json, and the hash of its content.
  std::string tokenizer;
  std::string tokenizer_hash;
};

//! An SAE that is evaluated without being trained.
struct LoadedSae {
  sae::FolderInfo info;
  //! Of the folder's files.
  std::string hash;
};

//! What a sweep file points to, looked up once: plain data, so that expansion reads no file.
struct ResolvedInputs {
  //! By name as in GridAxes::model_paths.
  std::map<std::string, ModelInputs> models;
  //! Hashes of the documents' texts, in order.
  std::string train_text_hash;
  std::string held_out_text_hash;
  //! By folder; empty unless the sweep loads its SAEs.
  std::map<std::string, LoadedSae> saes = {};
};

//! model::find_model with the place of model.paths in its message.
model::ModelSource find_model(const std::string& given, const SweepOptions& options);

//! Reads, checks and hashes models and tokenizers of the sweep, and the SAEs that it loads; the text's hashes are left
//! empty. Throws ModelError, TextError, ConfigError.
ResolvedInputs resolve_models(const SweepOptions& options);

//! The same with the text, from its token stores where they are made, else from its files; writes nothing.
ResolvedInputs resolve_inputs(const SweepOptions& options);

}  // namespace saesweep::sweep
