#pragma once

#include <filesystem>
#include <string>

namespace saesweep::model {

//! A model as a user names it, and the files that this stands for.
struct ModelSource {
  std::string given = {};
  //! What results call it: `pythia-70m`; of another revision than main `pythia-70m@step3000`.
  std::string name = {};
  //! The file config.json.
  std::filesystem::path config = {};
  //! Folder of the weights; empty for a config alone.
  std::filesystem::path weights = {};
  //! Folder of the weights before the first training step (revision step0); empty where there is none.
  std::filesystem::path step0 = {};
  //! The file tokenizer.json; empty where the model brings none.
  std::filesystem::path tokenizer = {};
};

//! Finds a model: a Hugging Face folder (its subfolder `step0` is that revision), a config alone (a .json file, or a
//! folder with config.json and no weights), or, where no such path exists, ORG/NAME or ORG/NAME@REVISION in the local
//! hub cache; a revision is a ref or a snapshot's hash. Opens no network. Throws ModelError that says where was looked
//! and what fetches the model.
ModelSource find_model(const std::string& given);

//! Where the hub cache lies, as huggingface_hub decides it: $HF_HUB_CACHE, $HUGGINGFACE_HUB_CACHE, $HF_HOME/hub,
//! $XDG_CACHE_HOME/huggingface/hub, ~/.cache/huggingface/hub; the first that is set.
std::filesystem::path hub_cache();

//! The tokenizer.json for a model: chosen (a file, or the folder it stands in), or its own where chosen is "".
//! Throws ModelError where there is none, saying how to name one.
std::filesystem::path tokenizer_file(const ModelSource& source, const std::string& chosen);

//! Where a model's revision step0 is looked for, or what fetches it; for messages.
std::string step0_place(const ModelSource& source);

}  // namespace saesweep::model
