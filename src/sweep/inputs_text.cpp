#include "sweep/inputs_text.h"

#include "base/json.h"

namespace saesweep::sweep {

namespace {

Json json_of(const model::ModelSource& source) {
  return {source.given,           source.name,
          source.config.string(), source.weights.string(),
          source.step0.string(),  source.tokenizer.string()};
}

model::ModelSource source_of(const Json& json) {
  const auto text = [&](size_t i) { return json[i].get<std::string>(); };
  return {text(0), text(1), text(2), text(3), text(4), text(5)};
}

Json json_of(const ModelInputs& model) {
  return {{"source", json_of(model.source)}, {"hash", model.hash},
          {"step0_hash", model.step0_hash},  {"step0_is_drawn", model.step0_is_drawn},
          {"tokenizer", model.tokenizer},    {"tokenizer_hash", model.tokenizer_hash}};
}

ModelInputs model_of(const Json& json) {
  ModelInputs model;
  model.source = source_of(json["source"]);
  model.config = model::read_config(model.source.config);
  model.hash = json["hash"];
  model.step0_hash = json["step0_hash"];
  model.step0_is_drawn = json["step0_is_drawn"];
  model.tokenizer = json["tokenizer"];
  model.tokenizer_hash = json["tokenizer_hash"];
  return model;
}

Json json_of(const LoadedSae& sae) {
  const sae::FolderInfo& info = sae.info;
  Json json = {{"architecture", name_of(info.architecture)},
               {"k", info.k},
               {"d_in", info.d_in},
               {"n_latents", info.n_latents},
               {"matryoshka_sizes", info.matryoshka_sizes},
               {"hash", sae.hash}};
  if (info.penalty) json["penalty"] = *info.penalty;
  return json;
}

LoadedSae sae_of(const Json& json) {
  sae::FolderInfo info{.architecture = sae::architecture_from(json["architecture"]),
                       .k = json["k"],
                       .d_in = json["d_in"],
                       .n_latents = json["n_latents"],
                       .matryoshka_sizes = json["matryoshka_sizes"]};
  if (json.contains("penalty")) info.penalty = json["penalty"].get<double>();
  return {info, json["hash"]};
}

}  // namespace

std::string to_text(const ResolvedInputs& inputs) {
  Json models = Json::object();
  for (const auto& [given, model] : inputs.models) models[given] = json_of(model);
  Json saes = Json::object();
  for (const auto& [folder, sae] : inputs.saes) saes[folder] = json_of(sae);
  return Json{
      {"models", models}, {"saes", saes}, {"train", inputs.train_text_hash}, {"held_out", inputs.held_out_text_hash}}
      .dump();
}

ResolvedInputs inputs_from_text(const std::string& text) {
  const Json json = Json::parse(text);
  ResolvedInputs inputs;
  for (const auto& [given, model] : json["models"].items()) inputs.models[given] = model_of(model);
  for (const auto& [folder, sae] : json["saes"].items()) inputs.saes[folder] = sae_of(sae);
  inputs.train_text_hash = json["train"];
  inputs.held_out_text_hash = json["held_out"];
  return inputs;
}

}  // namespace saesweep::sweep
