#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
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

//! Whether a parameter is the weight or bias of a LayerNorm.
bool is_norm(const std::string& name);

}  // namespace saesweep::model
