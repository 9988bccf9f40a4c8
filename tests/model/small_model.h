#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/files.h"
#include "base/json.h"
#include "base/random.h"
#include "model/checkpoint.h"
#include "model/safetensors.h"

namespace saesweep::test {

//! config.json of a model of 3 layers, d 16, 2 heads, 32 tokens, in transformers 5's form.
inline Json small_config() {
  return {{"model_type", "gpt_neox"},
          {"hidden_size", 16},
          {"num_hidden_layers", 3},
          {"num_attention_heads", 2},
          {"intermediate_size", 48},
          {"vocab_size", 32},
          {"max_position_embeddings", 12},
          {"hidden_act", "gelu"},
          {"layer_norm_eps", 1e-5},
          {"tie_word_embeddings", false},
          {"use_parallel_residual", true},
          {"attention_bias", true},
          {"rope_parameters", {{"partial_rotary_factor", 0.5}, {"rope_theta", 10000.0}, {"rope_type", "default"}}}};
}

//! Drawn parameters: mean 0.1, deviation 0.3, one plus that for norms' weights.
inline model::TensorMap small_tensors(const model::GptNeoxConfig& config, int64_t seed = 0) {
  model::TensorMap tensors;
  for (const auto& [name, shape] : model::parameter_shapes(config)) {
    const Stream stream{std::string("small model"), seed, name};
    at::Tensor tensor = at::empty(shape, at::kFloat);
    for (int64_t i = 0; i < tensor.numel(); ++i) {
      tensor.mutable_data_ptr<float>()[i] = static_cast<float>(0.1 + 0.3 * stream.normal(static_cast<uint64_t>(i)));
    }
    tensors[name] = name.find("norm.weight") == std::string::npos ? tensor : tensor + 1;
  }
  return tensors;
}

inline void write_config(const std::filesystem::path& folder, const Json& config) {
  std::filesystem::create_directories(folder);
  write_file(folder / "config.json", config.dump());
}

//! A model folder with drawn parameters in dtype.
inline void write_small_model(const std::filesystem::path& folder, int64_t seed = 0, at::ScalarType dtype = at::kFloat,
                              const Json& config = small_config()) {
  write_config(folder, config);
  model::NamedTensors tensors;
  for (const auto& [name, tensor] : small_tensors(model::read_config(folder), seed)) {
    tensors.emplace_back(name, tensor.to(dtype));
  }
  model::write_safetensors(folder / "model.safetensors", tensors);
}

//! int64 [rows, context], drawn from 32 tokens.
inline at::Tensor small_ids(int64_t rows, int64_t context) {
  const Stream stream{std::string("small ids")};
  at::Tensor ids = at::empty({rows, context}, at::kLong);
  for (int64_t i = 0; i < ids.numel(); ++i) {
    ids.mutable_data_ptr<int64_t>()[i] = static_cast<int64_t>(stream.bits(static_cast<uint64_t>(i)) % 32);
  }
  return ids;
}

//! The message of the error that action ends with, or "" where it ends well.
template <typename ErrorType, typename Action>
std::string message_of(const Action& action) {
  try {
    action();
  } catch (const ErrorType& error) {
    return error.what();
  }
  return "";
}

}  // namespace saesweep::test
