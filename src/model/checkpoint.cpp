#include "model/checkpoint.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <set>
#include <span>

#include "base/errors.h"
#include "base/hash.h"
#include "base/json.h"
#include "model/safetensors.h"

namespace saesweep::model {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFile = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";

bool is_buffer(const std::string& name) {
  return name.ends_with(".attention.bias") || name.ends_with(".masked_bias") || name.ends_with(".rotary_emb.inv_freq");
}

std::string canonical(const std::string& name) {
  return name == "lm_head.weight" ? kUnembeddingName : name;
}

//! The shards that the index names, each once.
std::set<fs::path> shards_of(const fs::path& index) {
  const Json json = read_json(index);
  const auto map = json.is_object() ? json.find("weight_map") : json.end();
  if (map == json.end() || !map->is_object() || map->empty()) {
    throw ModelError(index.string(), "weight_map: expected an object that names each tensor's file");
  }
  std::set<fs::path> shards;
  for (const auto& [tensor, file] : map->items()) {
    if (!file.is_string()) {
      throw ModelError(index.string() + ": " + tensor, "found " + file.dump() + ", expected the name of a file");
    }
    shards.insert(index.parent_path() / file.get<std::string>());
  }
  return shards;
}

std::set<fs::path> weight_files(const fs::path& folder) {
  if (fs::exists(folder / kFile)) return {folder / kFile};
  if (fs::exists(folder / kIndex)) return shards_of(folder / kIndex);
  throw ModelError(folder.string(),
                   fmt::format("neither {} nor {} is there; expected a checkpoint in safetensors (convert "
                               "pytorch_model.bin with transformers' save_pretrained)",
                               kFile, kIndex));
}

//! Adds a file's parameters to tensors.
void read_file_into(TensorMap& tensors, const fs::path& path, const GptNeoxConfig& config) {
  const auto expected = parameter_shapes(config);
  const SafetensorsFile file(path);
  for (const auto& [stored_name, info] : file.tensors()) {
    if (is_buffer(stored_name)) continue;
    const std::string name = canonical(stored_name);
    // Tied models may keep a copy of the embedding as their head.
    if (name == kUnembeddingName && config.tied_embeddings) continue;
    const std::string where = path.string() + ": " + stored_name;
    const auto known = expected.find(name);
    if (known == expected.end()) {
      throw ModelError(
          where, fmt::format("unknown tensor of shape {}; expected the parameters of a GPT-NeoX model of {} layers",
                             shape_text(info.shape), config.n_layers));
    }
    if (info.shape != known->second) {
      throw ModelError(where, fmt::format("shape {} found, {} expected from config.json", shape_text(info.shape),
                                          shape_text(known->second)));
    }
    if (!at::isFloatingType(info.dtype)) {
      throw ModelError(
          where, fmt::format("dtype {} found, expected F32, F16, BF16 or F64", safetensors_dtype_name(info.dtype)));
    }
    if (!tensors.emplace(name, file.tensor(stored_name)).second) {
      throw ModelError(where, "stands twice in the checkpoint, expected once");
    }
  }
}

std::string settings_text(const GptNeoxConfig& c) {
  return fmt::format(
      "gpt_neox layers={} d_model={} heads={} d_mlp={} vocab={} rotary={:.17g} base={:.17g} eps={:.17g} parallel={} "
      "bias={} "
      "tied={} activation={}",
      c.n_layers, c.d_model, c.n_heads, c.d_mlp, c.vocab_size, c.rotary_fraction, c.rotary_base, c.layer_norm_eps,
      c.parallel_residual, c.attention_bias, c.tied_embeddings, c.activation);
}

}  // namespace

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

Checkpoint read_checkpoint(const fs::path& folder) {
  Checkpoint checkpoint{read_config(folder), {}};
  for (const fs::path& file : weight_files(folder)) read_file_into(checkpoint.tensors, file, checkpoint.config);
  for (const auto& [name, shape] : parameter_shapes(checkpoint.config)) {
    if (!checkpoint.tensors.contains(name)) {
      throw ModelError(folder.string() + ": " + name,
                       fmt::format("no such tensor in the checkpoint; expected one of shape {}", shape_text(shape)));
    }
  }
  return checkpoint;
}

std::string checkpoint_hash(const fs::path& folder) {
  const Checkpoint checkpoint = read_checkpoint(folder);
  Sha256 hash;
  hash.update(settings_text(checkpoint.config));
  for (const auto& [name, tensor] : checkpoint.tensors) {
    hash.update(
        fmt::format("\n{} {} {}\n", name, safetensors_dtype_name(tensor.scalar_type()), shape_text(tensor.sizes())));
    hash.update(std::span(static_cast<const std::byte*>(tensor.const_data_ptr()), tensor.nbytes()));
  }
  return hex(hash.finish());
}

}  // namespace saesweep::model
