#include "model/parameters.h"

#include <fmt/format.h>

namespace saesweep::model {

std::map<std::string, std::vector<int64_t>> parameter_shapes(const GptNeoxConfig& config) {
  const int64_t d = config.d_model;
  std::map<std::string, std::vector<int64_t>> shapes;
  const auto add = [&](const std::string& name, int64_t out, int64_t in, bool bias) {
    shapes[name + ".weight"] = {out, in};
    if (bias) shapes[name + ".bias"] = {out};
  };
  const auto add_norm = [&](const std::string& name) { shapes[name + ".weight"] = shapes[name + ".bias"] = {d}; };
  shapes[kEmbeddingName] = {config.vocab_size, d};
  if (!config.tied_embeddings) shapes[kUnembeddingName] = {config.vocab_size, d};
  add_norm("gpt_neox.final_layer_norm");
  for (int64_t layer = 0; layer < config.n_layers; ++layer) {
    const std::string block = fmt::format("gpt_neox.layers.{}.", layer);
    add_norm(block + "input_layernorm");
    add_norm(block + "post_attention_layernorm");
    add(block + "attention.query_key_value", 3 * d, d, config.attention_bias);
    add(block + "attention.dense", d, d, config.attention_bias);
    add(block + "mlp.dense_h_to_4h", config.d_mlp, d, true);
    add(block + "mlp.dense_4h_to_h", d, config.d_mlp, true);
  }
  return shapes;
}

bool is_norm(const std::string& name) {
  return name.find("norm") != std::string::npos;
}

}  // namespace saesweep::model
