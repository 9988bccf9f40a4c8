#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "model/config.h"
#include "model/parameters.h"
#include "model/safetensors.h"

namespace saesweep::model {

//! A Hugging Face folder on disk: config.json, and model.safetensors or its shards with model.safetensors.index.json;
//! the files are mapped and every parameter is checked, none is read yet. Buffers that old checkpoints carry
//! (attention.bias, attention.masked_bias, rotary_emb.inv_freq) are skipped; transformers 5's lm_head.weight is
//! embed_out.weight. Thread-safe.
class Checkpoint {
 public:
  //! Throws ModelError naming file and tensor, shape found and shape expected, for a missing, misshapen or unknown
  //! tensor, and for weights that are no safetensors.
  explicit Checkpoint(const std::filesystem::path& folder);

  const GptNeoxConfig& config() const { return config_; }

  //! What the files' headers say of each parameter.
  const std::map<std::string, TensorInfo>& parameters() const { return parameters_; }

  //! Hands a parameter to take in pieces, as SafetensorsFile::read.
  void read(const std::string& name, const TakePiece& take) const;

  //! A copy of a parameter in dtype on device, made piece by piece.
  at::Tensor tensor(const std::string& name, at::ScalarType dtype, at::Device device = at::Device(at::kCPU)) const;

 private:
  //! Where a parameter lies; files call the unembedding by two names.
  struct Place {
    std::shared_ptr<const SafetensorsFile> file;
    std::string stored_name;
  };

  void add_file(const std::filesystem::path& path);
  void add(const Place& place, const std::string& name, const TensorInfo& info);

  GptNeoxConfig config_;
  std::map<std::string, std::vector<int64_t>> expected_;
  std::map<std::string, TensorInfo> parameters_;
  std::map<std::string, Place> places_;
};

//! Hex SHA-256 of the settings that change the model's numbers and of every parameter's name, dtype, shape and
//! bytes: the same wherever the folder lies and however it is cut into shards.
std::string checkpoint_hash(const Checkpoint& checkpoint);

}  // namespace saesweep::model
