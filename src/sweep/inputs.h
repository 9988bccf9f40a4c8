#pragma once

#include <map>
#include <string>

#include "model/config.h"
#include "sweep/options.h"

namespace saesweep::sweep {

//! What expansion has to know about a checkpoint.
struct ModelInputs {
  model::GptNeoxConfig config;
  //! Hash of the content of the weights and of what shapes their numbers.
  std::string hash;
  //! The same of the weights before the first step; empty where the sweep has no variant step0.
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

//! Reads, checks and hashes models and tokenizers of the sweep; the text's hashes are left empty. Throws ModelError,
//! TextError.
ResolvedInputs resolve_models(const SweepOptions& options);

//! The same with the text, from its token stores where they are made, else from its files; writes nothing.
ResolvedInputs resolve_inputs(const SweepOptions& options);

}  // namespace saesweep::sweep
