#include "app/inspect_command.h"

#include <fmt/format.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <numeric>
#include <set>

#include "app/arguments.h"
#include "app/status_text.h"
#include "app/sweep_status.h"
#include "app/table.h"
#include "base/errors.h"
#include "base/json.h"
#include "model/checkpoint.h"
#include "model/safetensors.h"
#include "model/source.h"
#include "results/reader.h"
#include "sae/folder.h"
#include "text/store_format.h"
#include "text/token_store.h"
#include "text/tokenizer.h"

namespace saesweep::app {

namespace fs = std::filesystem;

namespace {

constexpr const char* kUsage =
    "Usage: saesweep inspect PATH\n\n"
    "Checks and describes what PATH holds: a model (folder, config file, or ORG/NAME in the local hub cache), an SAE\n"
    "folder (sparsify's or SAELens'), an output folder or its results.h5, or a token store.\n";

std::string leading_bytes(const fs::path& path, size_t n) {
  std::string bytes(n, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(bytes.data(), static_cast<std::streamsize>(n));
  bytes.resize(static_cast<size_t>(file.gcount()));
  return bytes;
}

bool is_token_store(const fs::path& path) {
  const auto bytes = leading_bytes(path, sizeof text::kStoreMagic);
  uint64_t magic = 0;
  if (bytes.size() != sizeof magic) return false;
  std::memcpy(&magic, bytes.data(), sizeof magic);
  return magic == text::kStoreMagic;
}

bool is_hdf5(const fs::path& path) {
  return leading_bytes(path, 4) == "\x89HDF";
}

// Subfolders that hold checkpoints of their own.
std::string revisions_text(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (fs::exists(entry.path() / "config.json")) names.insert(entry.path().filename());
  }
  return names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "));
}

std::string tokenizer_text(const fs::path& path) {
  if (path.empty()) return "none";
  const auto tokenizer = text::Tokenizer::load(path);
  return fmt::format("{} ids, hash {}", tokenizer.vocab_size(), tokenizer.hash());
}

std::string config_text(const model::GptNeoxConfig& config) {
  return fmt::format(
      "Model: GPT-NeoX, {} layers, width {}, {} heads, MLP width {}, vocabulary {}, context {}\n"
      "Rotary: fraction {}, base {}, positions over {}; {} residual; {}; {} embeddings\n",
      config.n_layers, config.d_model, config.n_heads, config.d_mlp, config.vocab_size, config.max_context,
      config.rotary_fraction, config.rotary_base, config.rotary_scale,
      config.parallel_residual ? "parallel" : "sequential", config.activation,
      config.tied_embeddings ? "tied" : "untied");
}

int64_t n_parameters(const model::GptNeoxConfig& config) {
  int64_t n = 0;
  for (const auto& [name, shape] : model::parameter_shapes(config)) {
    n += std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
  }
  return n;
}

std::string weights_text(const model::ModelSource& source) {
  if (source.weights.empty()) return "none, a config alone\n";
  const model::Checkpoint checkpoint(source.weights);
  std::set<std::string> dtypes;
  for (const auto& [name, info] : checkpoint.parameters()) dtypes.insert(model::safetensors_dtype_name(info.dtype));
  return fmt::format("{}\nHash: {}\nRevisions: {}\n", fmt::join(dtypes, ", "), model::checkpoint_hash(checkpoint),
                     revisions_text(source.weights));
}

std::string step0_text(const model::ModelSource& source, const model::GptNeoxConfig& config) {
  if (!source.step0.empty()) return "revision " + source.step0.string();
  return config.step0_recipe.empty() ? "none" : "drawn by the recipe " + config.step0_recipe;
}

std::string model_text(const model::ModelSource& source) {
  const auto config = model::read_config(source.config);
  return fmt::format("{}Parameters: {} in {} tensors\nWeights: {}Step 0: {}\nTokenizer: {}\n", config_text(config),
                     n_parameters(config), model::parameter_shapes(config).size(), weights_text(source),
                     step0_text(source, config), tokenizer_text(source.tokenizer));
}

std::string origin_text(const sae::FolderInfo& info) {
  std::string text;
  if (!info.model_name.empty()) text += fmt::format("Model: {}\n", info.model_name);
  if (!info.hook_name.empty()) text += fmt::format("Hook: {}\n", info.hook_name);
  return text;
}

std::string tensors_text(const fs::path& folder) {
  TextTable table({"tensor", "dtype", "shape"});
  for (const char* name : {"sae.safetensors", "sae_weights.safetensors"}) {
    if (!fs::exists(folder / name)) continue;
    const model::SafetensorsFile file(folder / name);
    for (const auto& [tensor, found] : file.tensors()) {
      table.add({tensor, model::safetensors_dtype_name(found.dtype), model::shape_text(found.shape)});
    }
  }
  return table.text();
}

std::string sae_text(const fs::path& folder) {
  const sae::FolderInfo info = sae::check_sae(folder);
  const std::string k = takes_k(info.architecture) ? fmt::format(", k {}", info.k) : "";
  return fmt::format("SAE: {}{}, {} latents of width {}, in the form of {}\n{}Hash: {}\n{}\n\n{}",
                     name_of(info.architecture), k, info.n_latents, info.d_in, name_of(info.format), origin_text(info),
                     sae::folder_hash(folder), read_json(folder / "cfg.json").dump(2), tensors_text(folder));
}

std::string results_text(const fs::path& path) {
  const results::ResultsReader reader(path);
  const auto info = reader.info();
  const auto& shape = reader.shape();
  std::string text = fmt::format(
      "Results: {} cells, up to {} latents, {} of them to be scored, up to {} points a curve\nMade {} on {}\n",
      shape.n_cells, shape.n_all_latents, shape.n_latents, shape.n_curve_points, info.created, info.machine);
  for (const auto& [name, version] : info.software) text += fmt::format("{}: {}\n", name, version);
  return text + status_text(read_status(path)) + "\n" + info.sweep;
}

std::string store_text(const fs::path& path) {
  const auto store = text::TokenStore::open(path);
  store.verify();
  return fmt::format("Token store: {} tokens, {} documents, {} bad lines left out\nText: {}\nTokenizer: {}\n",
                     store.n_tokens(), store.documents().size(), store.n_bad_lines(), store.text_hash(),
                     store.tokenizer_hash());
}

std::string inspect(const fs::path& path) {
  if (!fs::exists(path)) return model_text(model::find_model(path.string()));
  if (fs::is_directory(path)) {
    if (sae::is_sae_folder(path)) return sae_text(path);
    if (fs::exists(path / "config.json")) return model_text(model::find_model(path.string()));
    if (fs::exists(path / "results.h5")) return results_text(path / "results.h5");
  } else {
    if (path.extension() == ".json") return model_text(model::find_model(path.string()));
    if (is_hdf5(path)) return results_text(path);
    if (is_token_store(path)) return store_text(path);
  }
  throw InputError(path.string(),
                   "expected a model folder (config.json) or config file, an SAE folder (cfg.json), an output folder "
                   "or its results.h5, or a token store");
}

}  // namespace

int inspect_command(const std::vector<std::string>& args) {
  const boost::program_options::options_description options;
  const auto given = parse_arguments("inspect", args, options, "path");
  if (given.contains("help")) {
    fmt::print("{}", kUsage);
    return 0;
  }
  fmt::print("{}", inspect(required_argument("inspect", given, "path", "path")));
  return 0;
}

}  // namespace saesweep::app
