#pragma once

#include <ATen/core/Tensor.h>
#include <fmt/format.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/errors.h"
#include "base/json.h"
#include "model/safetensors.h"

namespace saesweep::sae {

//! cfg.json of an SAE's folder, whose keys are read with errors that name them.
class FolderConfig {
 public:
  //! Throws ModelError where there is no such file or it holds no object.
  explicit FolderConfig(const std::filesystem::path& folder);
  //! Of an object that stands in the file `where`.
  FolderConfig(Json json, std::string where) : json_(std::move(json)), where_(std::move(where)) {}

  bool contains(const char* key) const { return json_.contains(key) && !json_.at(key).is_null(); }
  const Json& json() const { return json_; }

  //! An integer of at least 1. Throws ModelError.
  int64_t positive(const char* key) const;

  //! The value of a key that may be missing or null. Throws ModelError where it is of another type.
  template <typename Value>
  Value value_or(const char* key, const Value& missing) const {
    if (!contains(key)) return missing;
    try {
      return json_.at(key).get<Value>();
    } catch (const Json::exception&) {
      refuse(key, fmt::format("expected a value like {}", Json(missing).dump()));
    }
  }

  //! A number of latents kept a token, at most n_latents. Throws ModelError.
  int64_t k_of(int64_t n_latents) const;

  //! The part under a key, an object; empty where it is missing.
  FolderConfig part(const char* key) const;

  //! Throws ModelError that names key and value.
  [[noreturn]] void refuse(const char* key, const std::string& expected) const;
  [[noreturn]] void refuse(const std::string& problem) const { throw ModelError(where_, problem); }

 private:
  Json json_;
  std::string where_;
};

//! A tensor that a folder must have.
struct ExpectedTensor {
  std::string name;
  std::vector<int64_t> shape;
  //! Numbers below 0 are refused.
  bool is_threshold = false;
};

//! Checks that the file holds these tensors and no others, of these shapes, of floats that are finite. Reads all, in
//! pieces. Throws ModelError.
void check_tensors(const model::SafetensorsFile& file, const std::vector<ExpectedTensor>& expected);

//! A copy of a tensor that was checked, float32, row-major.
at::Tensor read_tensor(const model::SafetensorsFile& file, const std::string& name);

}  // namespace saesweep::sae
