#include "sae/folder_reader.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/isfinite.h>

#include <algorithm>

namespace saesweep::sae {

namespace {

Json read_config(const std::filesystem::path& path) {
  if (!std::filesystem::is_regular_file(path)) {
    throw ModelError(path.string(), "no such file; expected an SAE's folder as sparsify or SAELens write it");
  }
  Json json = read_json(path);
  if (!json.is_object()) throw ModelError(path.string(), "is no JSON object");
  return json;
}

std::string place_of(const model::SafetensorsFile& file, const std::string& name) {
  return fmt::format("{}: {}", file.path().string(), name);
}

void check_header(const model::SafetensorsFile& file, const ExpectedTensor& expected) {
  const std::string where = place_of(file, expected.name);
  const auto found = file.tensors().find(expected.name);
  if (found == file.tensors().end()) throw ModelError(where, "the tensor is missing");
  if (found->second.shape != expected.shape) {
    throw ModelError(where, fmt::format("shape {}, expected {} by cfg.json", model::shape_text(found->second.shape),
                                        model::shape_text(expected.shape)));
  }
  if (!at::isFloatingType(found->second.dtype)) {
    throw ModelError(where, fmt::format("dtype {}, expected F32, F16, BF16 or F64",
                                        model::safetensors_dtype_name(found->second.dtype)));
  }
}

void check_numbers(const model::SafetensorsFile& file, const ExpectedTensor& expected) {
  file.read(expected.name, [&](int64_t, const at::Tensor& piece) {
    if (!at::isfinite(piece.to(at::kFloat)).all().item<bool>()) {
      throw ModelError(place_of(file, expected.name), "holds numbers that are not finite");
    }
    if (!expected.is_threshold) return;
    if (const double least = piece.min().item<double>(); least < 0) {
      throw ModelError(place_of(file, expected.name),
                       fmt::format("holds {}, expected thresholds of at least 0", least));
    }
  });
}

}  // namespace

FolderConfig::FolderConfig(const std::filesystem::path& folder)
    : json_(read_config(folder / "cfg.json")), where_((folder / "cfg.json").string()) {}

int64_t FolderConfig::positive(const char* key) const {
  if (!json_.contains(key)) refuse(fmt::format("key '{}' is missing", key));
  const Json& value = json_.at(key);
  if (!value.is_number_integer() || value.get<int64_t>() < 1) refuse(key, "expected an integer of at least 1");
  return value.get<int64_t>();
}

int64_t FolderConfig::k_of(int64_t n_latents) const {
  const int64_t k = positive("k");
  if (k > n_latents) refuse(fmt::format("k is {}, above the {} latents", k, n_latents));
  return k;
}

FolderConfig FolderConfig::part(const char* key) const {
  if (!contains(key)) return {Json::object(), where_};
  if (!json_.at(key).is_object()) refuse(key, "expected an object");
  return {json_.at(key), where_};
}

void FolderConfig::refuse(const char* key, const std::string& expected) const {
  throw ModelError(where_, fmt::format("key '{}' is {}, {}", key, json_.at(key).dump(), expected));
}

void check_tensors(const model::SafetensorsFile& file, const std::vector<ExpectedTensor>& expected) {
  std::vector<std::string> names;
  for (const ExpectedTensor& one : expected) {
    check_header(file, one);
    names.push_back(one.name);
  }
  for (const auto& [name, info] : file.tensors()) {
    if (std::ranges::find(names, name) != names.end()) continue;
    throw ModelError(place_of(file, name),
                     fmt::format("a tensor that this SAE cannot have; expected {}", fmt::join(names, ", ")));
  }
  for (const ExpectedTensor& one : expected) check_numbers(file, one);
}

at::Tensor read_tensor(const model::SafetensorsFile& file, const std::string& name) {
  at::Tensor copy = at::empty(file.tensors().at(name).shape, at::kFloat);
  const at::Tensor flat = copy.view(-1);
  file.read(name, [&](int64_t first, const at::Tensor& piece) { flat.narrow(0, first, piece.numel()).copy_(piece); });
  return copy;
}

}  // namespace saesweep::sae
