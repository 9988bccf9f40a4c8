#include "model/checkpoint.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <set>
#include <span>

#include "base/errors.h"
#include "base/hash.h"
#include "base/json.h"

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
  const bool has_pickles =
      fs::exists(folder / "pytorch_model.bin") || fs::exists(folder / "pytorch_model.bin.index.json");
  throw ModelError(folder.string(), has_pickles
                                        ? fmt::format("only pytorch_model*.bin found, expected {}; "
                                                      "`scripts/fetch_models.sh --convert {}` writes it beside them",
                                                      kFile, folder.string())
                                        : fmt::format("neither {} nor {} is there; expected a checkpoint in "
                                                      "safetensors",
                                                      kFile, kIndex));
}

}  // namespace

Checkpoint::Checkpoint(const fs::path& folder) : config_(read_config(folder)), expected_(parameter_shapes(config_)) {
  for (const fs::path& file : weight_files(folder)) add_file(file);
  for (const auto& [name, shape] : expected_) {
    if (!parameters_.contains(name)) {
      throw ModelError(folder.string() + ": " + name,
                       fmt::format("no such tensor in the checkpoint; expected one of shape {}", shape_text(shape)));
    }
  }
}

void Checkpoint::add_file(const fs::path& path) {
  const auto file = std::make_shared<const SafetensorsFile>(path);
  for (const auto& [stored_name, info] : file->tensors()) {
    if (is_buffer(stored_name)) continue;
    const std::string name = canonical(stored_name);
    // Tied models may keep a copy of the embedding as their head.
    if (name == kUnembeddingName && config_.tied_embeddings) continue;
    add({file, stored_name}, name, info);
  }
}

void Checkpoint::add(const Place& place, const std::string& name, const TensorInfo& info) {
  const std::string where = place.file->path().string() + ": " + place.stored_name;
  const auto known = expected_.find(name);
  if (known == expected_.end()) {
    throw ModelError(where,
                     fmt::format("unknown tensor of shape {}; expected the parameters of a GPT-NeoX model of {} layers",
                                 shape_text(info.shape), config_.n_layers));
  }
  if (info.shape != known->second) {
    throw ModelError(where, fmt::format("shape {} found, {} expected from config.json", shape_text(info.shape),
                                        shape_text(known->second)));
  }
  if (!at::isFloatingType(info.dtype)) {
    throw ModelError(where,
                     fmt::format("dtype {} found, expected F32, F16, BF16 or F64", safetensors_dtype_name(info.dtype)));
  }
  if (!parameters_.emplace(name, info).second) {
    throw ModelError(where, "stands twice in the checkpoint, expected once");
  }
  places_.emplace(name, place);
}

void Checkpoint::read(const std::string& name, const TakePiece& take) const {
  const Place& place = places_.at(name);
  place.file->read(place.stored_name, take);
}

at::Tensor Checkpoint::tensor(const std::string& name, at::ScalarType dtype, at::Device device) const {
  at::Tensor copy = at::empty(parameters_.at(name).shape, at::TensorOptions().dtype(dtype).device(device));
  const at::Tensor flat = copy.view(-1);
  read(name, [&](int64_t first, const at::Tensor& piece) { flat.narrow(0, first, piece.numel()).copy_(piece); });
  return copy;
}

std::string checkpoint_hash(const Checkpoint& checkpoint) {
  Sha256 hash;
  hash.update(settings_text(checkpoint.config()));
  for (const auto& [name, info] : checkpoint.parameters()) {
    hash.update(fmt::format("\n{} {} {}\n", name, safetensors_dtype_name(info.dtype), shape_text(info.shape)));
    checkpoint.read(name, [&](int64_t, const at::Tensor& piece) {
      hash.update(std::span(static_cast<const std::byte*>(piece.const_data_ptr()), piece.nbytes()));
    });
  }
  return hex(hash.finish());
}

}  // namespace saesweep::model
