#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "model/config.h"

namespace saesweep::model {

//! Tensors by the names of GPT-NeoX checkpoints (gpt_neox.layers.0.attention.dense.weight, embed_out.weight).
using TensorMap = std::map<std::string, at::Tensor>;

//! The embedding and the unembedding; tied models have the first alone.
inline constexpr const char* kEmbeddingName = "gpt_neox.embed_in.weight";
inline constexpr const char* kUnembeddingName = "embed_out.weight";

//! The parameters of a GPT-NeoX model and their shapes; matrices are [out, in].
std::map<std::string, std::vector<int64_t>> parameter_shapes(const GptNeoxConfig& config);

//! A checkpoint as it is on disk.
struct Checkpoint {
  GptNeoxConfig config;
  //! Every parameter, in the dtype of the file, on the CPU. Views of mapped files: never write into them.
  TensorMap tensors;
};

//! Reads a Hugging Face folder: config.json, and model.safetensors or its shards with
//! model.safetensors.index.json. Buffers that old checkpoints carry (attention.bias, attention.masked_bias,
//! rotary_emb.inv_freq) are skipped; transformers 5's lm_head.weight is embed_out.weight.
//! Throws ModelError naming file and tensor, shape found and shape expected, for a missing, misshapen or unknown
//! tensor.
Checkpoint read_checkpoint(const std::filesystem::path& folder);

//! Hex SHA-256 of the settings that change the model's numbers and of every parameter's name, dtype, shape and
//! bytes: the same wherever the folder lies and however it is cut into shards. Throws as read_checkpoint.
std::string checkpoint_hash(const std::filesystem::path& folder);

}  // namespace saesweep::model
