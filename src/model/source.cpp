#include "model/source.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "base/errors.h"
#include "base/files.h"
#include "model/options.h"

namespace saesweep::model {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMainRevision = "main";
constexpr const char* kStep0Revision = "step0";
constexpr const char* kSnapshots = "snapshots";
constexpr const char* kHubFolder = "models--";

//! Weights of any format: what is no safetensors is refused when it is read.
bool holds_weights(const fs::path& folder) {
  return std::ranges::any_of(fs::directory_iterator(folder), [](const fs::directory_entry& entry) {
    const std::string name = entry.path().filename();
    return name == "model.safetensors" || name == "model.safetensors.index.json" || name.starts_with("pytorch_model");
  });
}

fs::path if_there(const fs::path& path) {
  return fs::exists(path) ? path : fs::path();
}

//! Its last part; of a snapshot in the hub cache the model's.
std::string name_of_folder(const fs::path& folder) {
  const fs::path whole = fs::absolute(folder).lexically_normal();
  const fs::path last = whole.has_filename() ? whole : whole.parent_path();
  const std::string hub = last.parent_path().parent_path().filename();
  if (last.parent_path().filename() != kSnapshots || !hub.starts_with(kHubFolder)) return last.filename();
  return hub.substr(hub.rfind("--") + 2);
}

ModelSource from_folder(const std::string& given, const fs::path& folder) {
  ModelSource source{.given = given, .name = name_of_folder(folder), .config = folder / "config.json"};
  if (!fs::is_regular_file(source.config)) {
    throw ModelError(source.config.string(),
                     "no such file; expected a Hugging Face folder with config.json and model.safetensors");
  }
  if (holds_weights(folder)) source.weights = folder;
  source.step0 = if_there(folder / kStep0Revision);
  source.tokenizer = if_there(folder / "tokenizer.json");
  return source;
}

ModelSource from_config(const std::string& given) {
  const fs::path config(given);
  if (config.filename() == "config.json") {
    ModelSource source = from_folder(given, fs::absolute(config).parent_path());
    source.weights = source.step0 = fs::path();
    return source;
  }
  return {.given = given,
          .name = config.stem(),
          .config = config,
          .tokenizer = if_there(fs::absolute(config).parent_path() / "tokenizer.json")};
}

struct HubName {
  std::string model;
  std::string revision;
};

HubName hub_name(const std::string& given) {
  const size_t at = given.find('@');
  if (at == std::string::npos) return {given, kMainRevision};
  return {given.substr(0, at), given.substr(at + 1)};
}

//! The snapshot of a revision, or an empty path where the cache has none.
fs::path snapshot_of(const fs::path& model, const std::string& revision) {
  const fs::path ref = model / "refs" / revision;
  std::string hash = fs::is_regular_file(ref) ? read_file(ref) : revision;
  hash.erase(hash.find_last_not_of(" \n\r\t") + 1);
  return if_there(model / kSnapshots / hash);
}

//! What fetches a revision, on a machine with network.
std::string fetch_command(const std::string& model, const std::string& revision) {
  return "scripts/fetch_models.sh " + model + (revision == kMainRevision ? "" : "@" + revision);
}

ModelSource from_hub(const std::string& given) {
  const auto [name, revision] = hub_name(given);
  const size_t slash = name.find('/');
  const fs::path cache = fs::absolute(hub_cache());
  const fs::path model = cache / (kHubFolder + name.substr(0, slash) + "--" + name.substr(slash + 1));
  const fs::path snapshot = snapshot_of(model, revision);
  if (snapshot.empty() || !fs::exists(snapshot / "config.json")) {
    throw ModelError(given, fmt::format("no such file or folder, and revision {} of {} is not in the hub cache {}; on "
                                        "a machine with network `{}` fetches it",
                                        revision, name, cache.string(), fetch_command(name, revision)));
  }
  ModelSource source = from_folder(given, snapshot);
  source.name = name.substr(slash + 1) + (revision == kMainRevision ? "" : "@" + revision);
  source.step0 = snapshot_of(model, kStep0Revision);
  return source;
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

ModelSource find_model(const std::string& given) {
  if (fs::is_directory(given)) return from_folder(given, given);
  if (fs::is_regular_file(given)) return from_config(given);
  if (is_hub_name(given)) return from_hub(given);
  throw ModelError(given,
                   "no such file or folder; expected a Hugging Face folder, a config.json, or a name of the hub's "
                   "(ORG/NAME or ORG/NAME@REVISION)");
}

fs::path hub_cache() {
  for (const char* name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"}) {
    if (const std::string cache = environment(name); !cache.empty()) return cache;
  }
  if (const std::string home = environment("HF_HOME"); !home.empty()) return fs::path(home) / "hub";
  const std::string cache = environment("XDG_CACHE_HOME");
  const fs::path base = cache.empty() ? fs::path(environment("HOME")) / ".cache" : fs::path(cache);
  return base / "huggingface" / "hub";
}

fs::path tokenizer_file(const ModelSource& source, const std::string& chosen) {
  if (!chosen.empty()) return fs::is_directory(chosen) ? fs::path(chosen) / "tokenizer.json" : fs::path(chosen);
  if (!source.tokenizer.empty()) return source.tokenizer;
  throw ModelError(source.given,
                   "brings no tokenizer.json; name one (or its folder) by tokenizer in [model] of the sweep file, or "
                   "by --tokenizer of saesweep activations");
}

std::string step0_place(const ModelSource& source) {
  if (fs::is_directory(source.given)) return (fs::path(source.given) / kStep0Revision).string();
  if (fs::exists(source.given)) return "a subfolder step0 of a Hugging Face folder";
  return fetch_command(hub_name(source.given).model, kStep0Revision);
}

}  // namespace saesweep::model
