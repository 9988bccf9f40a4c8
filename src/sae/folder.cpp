#include "sae/folder.h"

#include "base/hash.h"
#include "sae/folder_reader.h"
#include "sae/saelens_folder.h"
#include "sae/sparsify_folder.h"

namespace saesweep::sae {

namespace fs = std::filesystem;

namespace {

//! By the keys that each form must have; where cfg.json has neither, by the name of the file of tensors.
FolderFormat format_of(const fs::path& folder, const FolderConfig& config) {
  if (config.contains("d_sae")) return FolderFormat::kSaeLens;
  if (config.contains("expansion_factor") || config.contains("num_latents")) return FolderFormat::kSparsify;
  if (fs::exists(folder / kSparsifyTensors)) return FolderFormat::kSparsify;
  if (fs::exists(folder / kSaeLensTensors)) return FolderFormat::kSaeLens;
  config.refuse(
      fmt::format("has neither 'd_sae' (SAELens) nor 'expansion_factor' or 'num_latents' (sparsify), and "
                  "beside it lies neither {} nor {}",
                  kSaeLensTensors, kSparsifyTensors));
}

model::SafetensorsFile open_tensors(const fs::path& path) {
  if (!fs::is_regular_file(path))
    throw ModelError(path.string(), "no such file; expected the tensors of cfg.json's SAE");
  return model::SafetensorsFile(path);
}

//! A folder's config and tensors, checked.
struct OpenFolder {
  explicit OpenFolder(const fs::path& folder);
  Parameters parameters() const {
    return info().format == FolderFormat::kSaeLens ? read_saelens_tensors(*file, config)
                                                   : read_sparsify_tensors(*file, info());
  }
  const FolderInfo& info() const { return config.info; }

  SaeLensConfig config;
  std::optional<model::SafetensorsFile> file;
};

OpenFolder::OpenFolder(const fs::path& folder) {
  const FolderConfig json(folder);
  if (format_of(folder, json) == FolderFormat::kSaeLens) {
    config = read_saelens_config(json);
    file = open_tensors(folder / kSaeLensTensors);
    check_saelens_tensors(*file, config);
  } else {
    config.info = read_sparsify_config(json);
    file = open_tensors(folder / kSparsifyTensors);
    check_tensors(*file, sparsify_tensors(info()));
  }
}

}  // namespace

std::string name_of(FolderFormat format) {
  return format == FolderFormat::kSaeLens ? "saelens" : "sparsify";
}

FolderFormat folder_format_from(const std::string& name) {
  for (const FolderFormat format : {FolderFormat::kSparsify, FolderFormat::kSaeLens}) {
    if (name_of(format) == name) return format;
  }
  throw InputError("format '" + name + "'", "is not known, expected sparsify or saelens");
}

bool is_sae_folder(const fs::path& folder) {
  return fs::exists(folder / "cfg.json") || fs::exists(folder / kSparsifyTensors) ||
         fs::exists(folder / kSaeLensTensors);
}

FolderInfo check_sae(const fs::path& folder) {
  return OpenFolder(folder).info();
}

Sae load_sae(const fs::path& folder) {
  const OpenFolder open(folder);
  return {open.info().architecture, open.info().k, open.parameters(), open.info().matryoshka_sizes};
}

std::string folder_hash(const fs::path& folder) {
  Sha256 hash;
  for (const char* name : {"cfg.json", kSparsifyTensors, kSaeLensTensors}) {
    if (fs::exists(folder / name)) hash.update(fmt::format("{} {}\n", name, hex(sha256_file(folder / name))));
  }
  return hex(hash.finish());
}

}  // namespace saesweep::sae
