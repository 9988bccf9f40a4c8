#include "sae/sparsify_folder.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "base/files.h"
#include "sae/folder.h"

namespace saesweep::sae {

namespace {

//! Codes number latents in 32 bits.
constexpr int64_t kMostLatents = std::numeric_limits<int32_t>::max();

//! Rows nearer to unit length than this count as scaled: training leaves them within float32's rounding.
constexpr double kUnitTolerance = 1e-3;

bool has_unit_rows(const at::Tensor& W_dec) {
  return W_dec.norm(2, 1).sub(1).abs().lt(kUnitTolerance).all().item<bool>();
}

bool sparsify_knows(Architecture architecture) {
  return architecture == Architecture::kTopK || architecture == Architecture::kGroupMax;
}

//! What sparsify writes.
Json config_of(const Sae& sae, const SaeOptions& options) {
  const int64_t d_in = sae.parameters.d_in();
  const int64_t n_latents = sae.parameters.n_latents();
  Json config = {{"activation", name_of(sae.architecture)},
                 {"expansion_factor", std::max<int64_t>(1, n_latents / d_in)},
                 {"normalize_decoder", has_unit_rows(sae.parameters.W_dec)},
                 {"num_latents", n_latents % d_in == 0 ? 0 : n_latents},
                 {"k", sae.k},
                 {"multi_topk", false},
                 {"skip_connection", false},
                 {"transcode", false},
                 {"d_in", d_in}};
  if (sparsify_knows(sae.architecture)) return config;
  config["architecture"] = name_of(sae.architecture);
  if (!sae.matryoshka_sizes.empty()) config["matryoshka_sizes"] = sae.matryoshka_sizes;
  if (!takes_k(sae.architecture) && !std::isnan(options.penalty)) config["penalty"] = options.penalty;
  return config;
}

Architecture architecture_of(const FolderConfig& config) {
  // `signed` is of older sparsify.
  for (const char* key : {"skip_connection", "transcode", "signed"}) {
    if (config.value_or(key, false)) config.refuse(fmt::format("'{}' is true; only plain autoencoders are read", key));
  }
  const auto name = config.value_or<std::string>("activation", "topk");
  try {
    return architecture_from(name);
  } catch (const InputError& error) {
    config.refuse(fmt::format("key 'activation': {}", error.what()));
  }
}

int64_t k_of(const FolderConfig& config, Architecture architecture, int64_t n_latents) {
  const int64_t k = config.k_of(n_latents);
  if (architecture == Architecture::kGroupMax && n_latents % k != 0) {
    config.refuse(fmt::format("k is {}, which does not part the {} latents evenly", k, n_latents));
  }
  return k;
}

//! Rising sizes of which the last is n_latents.
std::vector<int64_t> matryoshka_sizes(const FolderConfig& config, int64_t n_latents) {
  const auto sizes = config.value_or("matryoshka_sizes", std::vector<int64_t>{n_latents});
  const bool rises = std::adjacent_find(sizes.begin(), sizes.end(), std::greater_equal<>()) == sizes.end();
  if (sizes.empty() || sizes.front() < 1 || !rises || sizes.back() != n_latents) {
    config.refuse("matryoshka_sizes",
                  fmt::format("expected rising numbers, the last of them the {} latents", n_latents));
  }
  return sizes;
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
  model::write_safetensors(folder / kSparsifyTensors, tensors);
  write_file(folder / "cfg.json", config_of(sae, options).dump(2) + "\n");
}

FolderInfo read_sparsify_config(const FolderConfig& config) {
  FolderInfo info{.format = FolderFormat::kSparsify, .architecture = architecture_of(config)};
  info.d_in = config.positive("d_in");
  const auto named = config.value_or("num_latents", int64_t{0});
  if (named < 0) config.refuse("num_latents", "expected 0 or more");
  if (named == 0 && config.positive("expansion_factor") > kMostLatents / info.d_in) {
    config.refuse("expansion_factor", fmt::format("expected at most {} latents in all", kMostLatents));
  }
  info.n_latents = named > 0 ? named : info.d_in * config.positive("expansion_factor");
  if (takes_k(info.architecture)) info.k = k_of(config, info.architecture, info.n_latents);
  if (info.architecture == Architecture::kMatryoshka) info.matryoshka_sizes = matryoshka_sizes(config, info.n_latents);
  if (config.contains("penalty")) info.penalty = config.value_or("penalty", 0.0);
  return info;
}

std::vector<ExpectedTensor> sparsify_tensors(const FolderInfo& info) {
  std::vector<ExpectedTensor> tensors = {{"encoder.weight", {info.n_latents, info.d_in}},
                                         {"encoder.bias", {info.n_latents}},
                                         {"W_dec", {info.n_latents, info.d_in}},
                                         {"b_dec", {info.d_in}}};
  if (info.architecture == Architecture::kJumpRelu) tensors.push_back({"threshold", {info.n_latents}, true});
  if (has_common_threshold(info.architecture)) tensors.push_back({"threshold", {}, true});
  return tensors;
}

Parameters read_sparsify_tensors(const model::SafetensorsFile& file, const FolderInfo& info) {
  Parameters p{read_tensor(file, "encoder.weight"), read_tensor(file, "encoder.bias"), read_tensor(file, "W_dec"),
               read_tensor(file, "b_dec")};
  if (info.architecture == Architecture::kJumpRelu) p.threshold = read_tensor(file, "threshold");
  if (has_common_threshold(info.architecture)) p.threshold = read_tensor(file, "threshold").view({1});
  return p;
}

}  // namespace saesweep::sae
