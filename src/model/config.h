#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace saesweep::model {

//! The settings of a GPT-NeoX model that change its numbers, from a Hugging Face config.json (the old form with
//! rotary_pct, rotary_emb_base, torch_dtype, and transformers 5's with rope_parameters, dtype).
struct GptNeoxConfig {
  int64_t n_layers = 0;
  int64_t d_model = 0;
  int64_t n_heads = 0;
  int64_t d_mlp = 0;
  //! Rows of the embedding; may exceed the tokenizer's ids.
  int64_t vocab_size = 0;
  int64_t max_context = 2048;
  double rotary_fraction = 0.25;
  double rotary_base = 10000.0;
  //! Positions are divided by this (rope_type "linear").
  double rotary_scale = 1.0;
  double layer_norm_eps = 1e-5;
  bool parallel_residual = true;
  bool attention_bias = true;
  bool tied_embeddings = false;
  std::string activation = "gelu";
  //! How weights before the first training step are drawn (model/step0.h): "small_init", "neox_default", or "" where
  //! the file names no recipe. A key of ours, saesweep_step0; changes no numbers of a checkpoint.
  std::string step0_recipe = "";
};

//! Reads a config file, or config.json of a folder. Throws ModelError naming file, key, value found and values
//! expected; an architecture other than GPT-NeoX and an option that would change the numbers unhonoured are refused
//! by name.
GptNeoxConfig read_config(const std::filesystem::path& path);

//! The settings that change a model's numbers, as text to be hashed.
std::string settings_text(const GptNeoxConfig& config);

}  // namespace saesweep::model
