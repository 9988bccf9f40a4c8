#pragma once

#include <cstdint>
#include <string>

namespace saesweep::model {

//! Arms of the study (docs/design.md, "variant").
enum class Variant { kTrained, kRerandomizedIncl, kRerandomizedExcl, kStep0, kControl };

//! The name used in sweep files and results: trained, rerandomized_incl, rerandomized_excl, step0, control.
std::string name_of(Variant variant);
//! Throws InputError naming the allowed ones.
Variant variant_from(const std::string& name);

//! Whether a model's name has the form of the Hugging Face hub's: ORG/NAME or ORG/NAME@REVISION.
bool is_hub_name(const std::string& name);

//! How a model is computed.
struct ModelOptions {
  //! A tokenizer.json, or the folder it stands in, for all models; "": each model's own.
  std::string tokenizer = {};
  //! Whether LayerNorm weights and biases are drawn anew too in the rerandomized variants.
  bool rerandomize_norms = false;
  //! "float32", "bfloat16", or on CUDA "float16".
  std::string dtype = "float32";
  //! Most tokens a forward pass; whole rows, at least one. It fixes the shapes that are computed with.
  int64_t forward_tokens = 4096;
};

}  // namespace saesweep::model
