#include "sae/saelens_folder.h"

#include <ATen/ops/mv.h>

#include <algorithm>
#include <stdexcept>

#include "base/files.h"

namespace saesweep::sae {

namespace {

//! Release of SAELens whose form of cfg.json is written.
constexpr const char* kSaeLensVersion = "6.0.0";

//! Architecture and k as configs before sae_lens 6 say them.
std::string legacy_architecture(const FolderConfig& config) {
  const auto architecture = config.value_or<std::string>("architecture", "standard");
  for (const char* key : {"activation_fn_str", "activation_fn"}) {
    const auto activation = config.value_or<std::string>(key, "relu");
    if (activation == "topk") return "topk";
    if (activation != "relu" && activation != "standard") config.refuse(key, "expected relu or topk");
  }
  return architecture;
}

bool is_legacy(const FolderConfig& config) {
  auto version = config.value_or<std::string>("sae_lens_version", "");
  if (version.empty()) version = config.part("metadata").value_or<std::string>("sae_lens_version", "");
  return version.empty() || std::atoi(version.c_str()) < 6;
}

Architecture architecture_of(const FolderConfig& config) {
  const std::string name =
      is_legacy(config) ? legacy_architecture(config) : config.value_or<std::string>("architecture", "standard");
  if (name == "topk") return Architecture::kTopK;
  if (name == "standard") return Architecture::kRelu;
  if (name == "jumprelu") return Architecture::kJumpRelu;
  config.refuse(fmt::format("SAELens' architecture '{}' is not read here, expected topk, standard or jumprelu", name));
}

int64_t k_of(const FolderConfig& config, int64_t n_latents) {
  const FolderConfig legacy = config.part("activation_fn_kwargs");
  return is_legacy(config) && legacy.contains("k") ? legacy.k_of(n_latents) : config.k_of(n_latents);
}

at::ScalarType dtype_of(const FolderConfig& config) {
  auto name = config.value_or<std::string>("dtype", "float32");
  if (name.starts_with("torch.")) name = name.substr(6);
  if (name == "float32" || name == "float64") return at::kFloat;
  if (name == "bfloat16") return at::kBFloat16;
  if (name == "float16") return at::kHalf;
  config.refuse("dtype", "expected float32, float64, bfloat16 or float16");
}

//! Refuses by name what would change numbers.
void refuse_unknown(const FolderConfig& config) {
  const std::string only_plain = "which is not known here, expected";
  if (config.contains("normalize_activations")) {
    const Json& value = config.json().at("normalize_activations");
    if (value != "none" && value != false) config.refuse("normalize_activations", only_plain + " \"none\"");
  }
  if (config.value_or<std::string>("reshape_activations", "none") != "none") {
    config.refuse("reshape_activations", only_plain + " \"none\"");
  }
  if (config.value_or("finetuning_scaling_factor", false)) {
    config.refuse("finetuning_scaling_factor", only_plain + " false");
  }
  for (const FolderConfig& part : {config, config.part("metadata")}) {
    const FolderConfig model = part.part("model_from_pretrained_kwargs");
    if (model.value_or("center_writing_weights", false)) {
      model.refuse("center_writing_weights", "of the model: its activations are others than the model's own");
    }
  }
}

//! The first of some keys that is there, in metadata or, in older configs, beside it.
std::string text_of(const FolderConfig& config, std::initializer_list<const char*> keys) {
  for (const FolderConfig& part : {config.part("metadata"), config}) {
    for (const char* key : keys) {
      if (part.contains(key)) return part.value_or<std::string>(key, "");
    }
  }
  return "";
}

std::vector<ExpectedTensor> tensors_of(const model::SafetensorsFile& file, const FolderInfo& info) {
  std::vector<ExpectedTensor> tensors = {{"W_enc", {info.d_in, info.n_latents}},
                                         {"b_enc", {info.n_latents}},
                                         {"W_dec", {info.n_latents, info.d_in}},
                                         {"b_dec", {info.d_in}}};
  if (info.architecture == Architecture::kJumpRelu) tensors.push_back({"threshold", {info.n_latents}, true});
  if (file.tensors().contains("scaling_factor")) tensors.push_back({"scaling_factor", {info.n_latents}});
  return tensors;
}

void check_scaling_factor(const model::SafetensorsFile& file) {
  if (!file.tensors().contains("scaling_factor")) return;
  const at::Tensor scale = read_tensor(file, "scaling_factor");
  if (scale.eq(1).all().item<bool>()) return;
  throw ModelError(file.path().string() + ": scaling_factor",
                   "holds numbers other than 1, which would change the latents and are not known here");
}

void check_row_lengths(const model::SafetensorsFile& file) {
  const at::Tensor is_zero = read_tensor(file, "W_dec").norm(2, 1).eq(0);
  if (!is_zero.any().item<bool>()) return;
  throw ModelError(file.path().string() + ": W_dec",
                   fmt::format("row {} is zero, but rescale_acts_by_decoder_norm divides by its length",
                               is_zero.to(at::kByte).argmax().item<int64_t>()));
}

//! Lengths of rows go from the decoder to the encoder.
void fold_row_lengths(Parameters& p) {
  const at::Tensor lengths = p.W_dec.norm(2, 1);
  p.W_enc.mul_(lengths.unsqueeze(1));
  p.b_enc.mul_(lengths);
  p.W_dec.div_(lengths.unsqueeze(1));
}

std::string architecture_text(Architecture architecture) {
  switch (architecture) {
    case Architecture::kTopK:
      return "topk";
    case Architecture::kRelu:
      return "standard";
    case Architecture::kJumpRelu:
    case Architecture::kBatchTopK:
    case Architecture::kMatryoshka:
      return "jumprelu";
    case Architecture::kGroupMax:
      break;
  }
  throw std::logic_error("SAELens has no groupmax");
}

Json config_of(const Sae& sae, const SaeLensMetadata& metadata) {
  Json about = {{"sae_lens_version", kSaeLensVersion}, {"sae_lens_training_version", nullptr}};
  if (!metadata.model_name.empty()) about["model_name"] = metadata.model_name;
  if (!metadata.hook_name.empty()) about["hook_name"] = metadata.hook_name;
  about["saesweep_architecture"] = name_of(sae.architecture);
  Json config = {{"architecture", architecture_text(sae.architecture)},
                 {"d_in", sae.parameters.d_in()},
                 {"d_sae", sae.parameters.n_latents()},
                 {"dtype", "float32"},
                 {"device", "cpu"},
                 {"apply_b_dec_to_input", true},
                 {"normalize_activations", "none"},
                 {"reshape_activations", "none"},
                 {"metadata", about}};
  if (sae.architecture == Architecture::kTopK) {
    config["k"] = sae.k;
    config["rescale_acts_by_decoder_norm"] = false;
  }
  return config;
}

}  // namespace

SaeLensConfig read_saelens_config(const FolderConfig& config) {
  refuse_unknown(config);
  SaeLensConfig read;
  FolderInfo& info = read.info;
  info.format = FolderFormat::kSaeLens;
  info.architecture = architecture_of(config);
  info.d_in = config.positive("d_in");
  info.n_latents = config.positive("d_sae");
  info.model_name = text_of(config, {"model_name"});
  info.hook_name = text_of(config, {"hook_name", "hook_point"});
  read.subtracts_b_dec = config.value_or("apply_b_dec_to_input", true);
  read.dtype = dtype_of(config);
  if (info.architecture == Architecture::kTopK) {
    info.k = k_of(config, info.n_latents);
    read.rescales_by_decoder = config.value_or("rescale_acts_by_decoder_norm", false);
  }
  const bool names_heads = info.hook_name.find("hook_z") != std::string::npos;
  if (is_legacy(config) && names_heads && !config.contains("reshape_activations")) {
    config.refuse(fmt::format("hook {}: activations of single heads are not known here", info.hook_name));
  }
  return read;
}

void check_saelens_tensors(const model::SafetensorsFile& file, const SaeLensConfig& config) {
  check_tensors(file, tensors_of(file, config.info));
  check_scaling_factor(file);
  if (config.rescales_by_decoder) check_row_lengths(file);
}

Parameters read_saelens_tensors(const model::SafetensorsFile& file, const SaeLensConfig& config) {
  const auto read = [&](const char* name) { return read_tensor(file, name).to(config.dtype).to(at::kFloat); };
  Parameters p{read("W_enc").t().contiguous(), read("b_enc"), read("W_dec"), read("b_dec")};
  if (config.info.architecture == Architecture::kJumpRelu) p.threshold = read("threshold");
  if (config.rescales_by_decoder) fold_row_lengths(p);
  if (!config.subtracts_b_dec) p.b_enc.add_(at::mv(p.W_enc, p.b_dec));
  return p;
}

bool saelens_holds(Architecture architecture) {
  return architecture != Architecture::kGroupMax;
}

void save_saelens(const std::filesystem::path& folder, const Sae& sae, const SaeLensMetadata& metadata) {
  const Json config = config_of(sae, metadata);
  const Parameters& p = sae.parameters;
  model::NamedTensors tensors = {
      {"W_enc", p.W_enc.t().contiguous()}, {"b_enc", p.b_enc}, {"W_dec", p.W_dec}, {"b_dec", p.b_dec}};
  if (p.threshold.defined()) tensors.emplace_back("threshold", p.threshold.expand({p.n_latents()}).contiguous());
  model::write_safetensors(folder / kSaeLensTensors, tensors);
  write_file(folder / "cfg.json", config.dump(2) + "\n");
}

}  // namespace saesweep::sae
