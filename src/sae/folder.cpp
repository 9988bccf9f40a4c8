#include "sae/folder.h"

#include <ATen/ops/isfinite.h>
#include <fmt/format.h>

#include <string>

#include "base/errors.h"
#include "base/files.h"
#include "base/json.h"
#include "model/safetensors.h"

namespace saesweep::sae {

namespace {

Json sparsify_config(const TopKSae& sae, const SaeOptions& options) {
  return {{"activation", "topk"},
          {"expansion_factor", options.expansion_factor},
          {"normalize_decoder", true},
          {"num_latents", 0},
          {"k", sae.k},
          {"multi_topk", false},
          {"skip_connection", false},
          {"transcode", false},
          {"d_in", sae.parameters.d_in()}};
}

int64_t positive(const Json& config, const char* key, const std::string& where) {
  const auto found = config.find(key);
  if (found == config.end()) throw ModelError(where, fmt::format("key '{}' is missing", key));
  if (!found->is_number_integer() || found->get<int64_t>() < 1) {
    throw ModelError(where, fmt::format("key '{}' is {}, expected an integer of at least 1", key, found->dump()));
  }
  return found->get<int64_t>();
}

//! The value of a key that may be missing.
template <typename Value>
Value value_or(const Json& config, const char* key, const Value& missing, const std::string& where) {
  try {
    return config.value(key, missing);
  } catch (const Json::type_error&) {
    throw ModelError(where, fmt::format("key '{}' is {}, expected a value like {}", key, config.at(key).dump(),
                                        Json(missing).dump()));
  }
}

void refuse_unknown_kinds(const Json& config, const std::string& where) {
  const auto activation = value_or<std::string>(config, "activation", "topk", where);
  if (activation != "topk") {
    throw ModelError(where, fmt::format("activation '{}' is not known here, expected 'topk'", activation));
  }
  for (const char* key : {"skip_connection", "transcode"}) {
    if (value_or(config, key, false, where)) {
      throw ModelError(where, fmt::format("'{}' is true; only plain autoencoders are read", key));
    }
  }
}

at::Tensor read_tensor(const model::SafetensorsFile& file, const char* name, std::initializer_list<int64_t> shape) {
  const std::string where = fmt::format("{}: {}", file.path().string(), name);
  if (!file.tensors().contains(name)) throw ModelError(where, "the tensor is missing");
  const at::Tensor tensor = file.tensor(name);
  if (tensor.sizes() != at::IntArrayRef(shape)) {
    throw ModelError(where, fmt::format("shape {}, expected {} by cfg.json", model::shape_text(tensor.sizes()),
                                        model::shape_text(at::IntArrayRef(shape))));
  }
  at::Tensor copy = tensor.to(at::kFloat, /*non_blocking=*/false, /*copy=*/true);
  if (!at::isfinite(copy).all().item<bool>()) throw ModelError(where, "holds numbers that are not finite");
  return copy;
}

}  // namespace

void save_sae(const std::filesystem::path& folder, const TopKSae& sae, const SaeOptions& options) {
  const Parameters& p = sae.parameters;
  model::write_safetensors(
      folder / "sae.safetensors",
      {{"encoder.weight", p.W_enc}, {"encoder.bias", p.b_enc}, {"W_dec", p.W_dec}, {"b_dec", p.b_dec}});
  write_file(folder / "cfg.json", sparsify_config(sae, options).dump(2) + "\n");
}

TopKSae load_sae(const std::filesystem::path& folder) {
  const std::string where = (folder / "cfg.json").string();
  const Json config = read_json(folder / "cfg.json");
  if (!config.is_object()) throw ModelError(where, "is no JSON object");
  refuse_unknown_kinds(config, where);
  const int64_t d_in = positive(config, "d_in", where);
  const int64_t k = positive(config, "k", where);
  const int64_t named = value_or(config, "num_latents", int64_t{0}, where);
  const int64_t n_latents = named > 0 ? named : d_in * positive(config, "expansion_factor", where);
  if (k > n_latents) throw ModelError(where, fmt::format("k is {}, above the {} latents", k, n_latents));

  const model::SafetensorsFile file(folder / "sae.safetensors");
  return {{read_tensor(file, "encoder.weight", {n_latents, d_in}), read_tensor(file, "encoder.bias", {n_latents}),
           read_tensor(file, "W_dec", {n_latents, d_in}), read_tensor(file, "b_dec", {d_in})},
          k};
}

}  // namespace saesweep::sae
