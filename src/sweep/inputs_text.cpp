#include "sweep/inputs_text.h"

#include "base/json.h"

namespace saesweep::sweep {

std::string to_text(const ResolvedInputs& inputs) {
  Json models = Json::object();
  for (const auto& [path, model] : inputs.models) models[path] = {model.hash, model.step0_hash, model.tokenizer_hash};
  return Json{{"models", models}, {"train", inputs.train_text_hash}, {"held_out", inputs.held_out_text_hash}}.dump();
}

ResolvedInputs inputs_from_text(const std::string& text) {
  const Json json = Json::parse(text);
  ResolvedInputs inputs;
  for (const auto& [path, hashes] : json["models"].items()) {
    inputs.models[path] = {model::read_config(path), hashes[0], hashes[1], hashes[2]};
  }
  inputs.train_text_hash = json["train"];
  inputs.held_out_text_hash = json["held_out"];
  return inputs;
}

}  // namespace saesweep::sweep
