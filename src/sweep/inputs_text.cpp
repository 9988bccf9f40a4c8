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

}  // namespace

std::string to_text(const ResolvedInputs& inputs) {
  Json models = Json::object();
  for (const auto& [given, model] : inputs.models) models[given] = json_of(model);
  return Json{{"models", models}, {"train", inputs.train_text_hash}, {"held_out", inputs.held_out_text_hash}}.dump();
}

ResolvedInputs inputs_from_text(const std::string& text) {
  const Json json = Json::parse(text);
  ResolvedInputs inputs;
  for (const auto& [given, model] : json["models"].items()) inputs.models[given] = model_of(model);
  inputs.train_text_hash = json["train"];
  inputs.held_out_text_hash = json["held_out"];
  return inputs;
}

}  // namespace saesweep::sweep
