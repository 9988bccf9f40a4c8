#include "sae/folder.h"

#include <ATen/ops/isfinite.h>
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "base/errors.h"
#include "base/files.h"
#include "base/json.h"
#include "model/safetensors.h"

namespace saesweep::sae {

namespace {

bool sparsify_knows(Architecture architecture) {
  return architecture == Architecture::kTopK || architecture == Architecture::kGroupMax;
}

//! What sparsify writes, in its order; kinds that it does not know carry our names, and it refuses them by these.
Json sparsify_config(const Sae& sae, const SaeOptions& options) {
  Json config = {{"activation", name_of(sae.architecture)},
                 {"expansion_factor", options.expansion_factor},
                 {"normalize_decoder", true},
                 {"num_latents", 0},
                 {"k", sae.k},
                 {"multi_topk", false},
                 {"skip_connection", false},
                 {"transcode", false},
                 {"d_in", sae.parameters.d_in()}};
  if (sparsify_knows(sae.architecture)) return config;
  config["architecture"] = name_of(sae.architecture);
  if (!sae.matryoshka_sizes.empty()) config["matryoshka_sizes"] = sae.matryoshka_sizes;
  if (!takes_k(sae.architecture)) config["penalty"] = options.penalty;
  return config;
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

Architecture architecture_of(const Json& config, const std::string& where) {
  for (const char* key : {"skip_connection", "transcode"}) {
    if (value_or(config, key, false, where)) {
      throw ModelError(where, fmt::format("'{}' is true; only plain autoencoders are read", key));
    }
  }
  const auto name = value_or<std::string>(config, "activation", "topk", where);
  try {
    return architecture_from(name);
  } catch (const InputError& error) {
    throw ModelError(where, fmt::format("key 'activation': {}", error.what()));
  }
}

//! Rising sizes of which the last is n_latents.
std::vector<int64_t> matryoshka_sizes(const Json& config, int64_t n_latents, const std::string& where) {
  const auto sizes = value_or(config, "matryoshka_sizes", std::vector<int64_t>{n_latents}, where);
  const bool rises = std::adjacent_find(sizes.begin(), sizes.end(), std::greater_equal<>()) == sizes.end();
  if (sizes.empty() || sizes.front() < 1 || !rises || sizes.back() != n_latents) {
    throw ModelError(where,
                     fmt::format("matryoshka_sizes is {}, expected rising numbers, the last of them the {} latents",
                                 Json(sizes).dump(), n_latents));
  }
  return sizes;
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

void save_sae(const std::filesystem::path& folder, const Sae& sae, const SaeOptions& options) {
  const Parameters& p = sae.parameters;
  model::NamedTensors tensors = {
      {"encoder.weight", p.W_enc}, {"encoder.bias", p.b_enc}, {"W_dec", p.W_dec}, {"b_dec", p.b_dec}};
  if (p.threshold.defined()) {
    const bool is_common = has_common_threshold(sae.architecture);
    tensors.emplace_back("threshold", is_common ? p.threshold.view(at::IntArrayRef{}) : p.threshold);
  }
  model::write_safetensors(folder / "sae.safetensors", tensors);
  write_file(folder / "cfg.json", sparsify_config(sae, options).dump(2) + "\n");
}

Sae load_sae(const std::filesystem::path& folder) {
  const std::string where = (folder / "cfg.json").string();
  const Json config = read_json(folder / "cfg.json");
  if (!config.is_object()) throw ModelError(where, "is no JSON object");
  Sae sae;
  sae.architecture = architecture_of(config, where);
  const int64_t d_in = positive(config, "d_in", where);
  const int64_t named = value_or(config, "num_latents", int64_t{0}, where);
  const int64_t n_latents = named > 0 ? named : d_in * positive(config, "expansion_factor", where);
  if (takes_k(sae.architecture)) {
    sae.k = positive(config, "k", where);
    if (sae.k > n_latents) throw ModelError(where, fmt::format("k is {}, above the {} latents", sae.k, n_latents));
  }
  if (sae.architecture == Architecture::kGroupMax && n_latents % sae.k != 0) {
    throw ModelError(where, fmt::format("k is {}, which does not part the {} latents evenly", sae.k, n_latents));
  }
  if (sae.architecture == Architecture::kMatryoshka) sae.matryoshka_sizes = matryoshka_sizes(config, n_latents, where);

  const model::SafetensorsFile file(folder / "sae.safetensors");
  Parameters& p = sae.parameters;
  p.W_enc = read_tensor(file, "encoder.weight", {n_latents, d_in});
  p.b_enc = read_tensor(file, "encoder.bias", {n_latents});
  p.W_dec = read_tensor(file, "W_dec", {n_latents, d_in});
  p.b_dec = read_tensor(file, "b_dec", {d_in});
  if (sae.architecture == Architecture::kJumpRelu) p.threshold = read_tensor(file, "threshold", {n_latents});
  if (has_common_threshold(sae.architecture)) p.threshold = read_tensor(file, "threshold", {}).view({1});
  return sae;
}

}  // namespace saesweep::sae
