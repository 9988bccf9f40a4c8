#include "sweep/assumed_inputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "base/errors.h"
#include "base/share.h"
#include "model/options.h"
#include "sweep/loaded_saes.h"
#include "text/corpus.h"

namespace saesweep::sweep {

namespace {

namespace fs = std::filesystem;

constexpr const char* kOrganisation = "EleutherAI/";

//! What a model's name is of its hub name, or of a folder that is elsewhere; "" where it is another organisation's.
std::string model_name_of(const std::string& given) {
  if (given.starts_with(kOrganisation)) return given.substr(std::string(kOrganisation).size());
  if (model::is_hub_name(given)) return "";
  const fs::path path = fs::path(given).lexically_normal();
  return path.has_filename() ? path.filename() : path.parent_path().filename();
}

//! Of what is not here, by its name; deduplicated text changes no shape. Nothing where the program brings none.
std::optional<fs::path> shipped_config(const std::string& given) {
  const fs::path folder = configs_folder();
  if (folder.empty() || fs::exists(given)) return std::nullopt;
  std::string name = model_name_of(given);
  name = name.substr(0, name.find('@'));
  if (const size_t suffix = name.find("-deduped"); suffix != std::string::npos) name.erase(suffix);
  const fs::path config = folder / (name + ".json");
  return !name.empty() && fs::is_regular_file(config) ? std::optional(config) : std::nullopt;
}

model::ModelSource shipped_source(const std::string& given, const fs::path& config) {
  return {.given = given, .name = model_name_of(given), .config = config};
}

bool has_step0(const SweepOptions& options) {
  return std::ranges::count(options.axes.variants, model::Variant::kStep0) > 0;
}

//! A model whose files are here, or whose name says its shape.
ModelInputs assumed_model(const std::string& given, const SweepOptions& options, std::vector<std::string>& notes) {
  ModelInputs inputs;
  bool is_here = true;
  try {
    inputs.source = find_model(given, options);
  } catch (const ModelError&) {
    const auto config = shipped_config(given);
    if (!config) throw;
    is_here = false;
    inputs.source = shipped_source(given, *config);
    const char* where = model::is_hub_name(given) ? "in the local hub cache" : "here";
    notes.push_back(fmt::format("{} is not {}; its shape is that of {}", given, where, config->string()));
  }
  inputs.config = model::read_config(inputs.source.config);
  inputs.step0_is_drawn = has_step0(options) && is_here && inputs.source.step0.empty();
  inputs.hash = inputs.step0_hash = inputs.tokenizer_hash = given;
  inputs.step0_hash += "@step0";
  return inputs;
}

//! Why the text cannot be listed; nothing where it can.
std::optional<std::string> missing_text(const SweepOptions& options) {
  try {
    const text::Corpus corpus(options.text);
    return std::nullopt;
  } catch (const TextError& error) {
    return error.what();
  }
}

}  // namespace

AssumedInputs assume_inputs(const SweepOptions& options) {
  AssumedInputs assumed;
  for (const std::string& given : options.axes.model_paths) {
    assumed.inputs.models.emplace(given, assumed_model(given, options, assumed.notes));
  }
  assumed.inputs.saes = resolve_saes(options, assumed.inputs);
  if (const auto missing = missing_text(options)) {
    assumed.notes.push_back("the text was not found, the tokens asked for are counted: " + *missing);
  }
  assumed.inputs.train_text_hash = assumed.inputs.held_out_text_hash = "text";
  return assumed;
}

}  // namespace saesweep::sweep
