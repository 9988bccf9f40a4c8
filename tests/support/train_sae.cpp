// train_sae OPTIONS.json: trains an SAE that a folder holds on activations that a file holds, for tests that compare
// what training does with other programs. Prints the losses of all steps as JSON.
// Keys: start, activations (safetensors with x, [tokens, d_in] float32), saved: paths; threads; and those of
// TrainOptions by their names, of which tokens are all that there are in x. b_dec starts as the recipe has it.
#include <ATen/core/Tensor.h>

#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>

#include "base/errors.h"
#include "base/json.h"
#include "model/compute.h"
#include "model/safetensors.h"
#include "sae/folder.h"
#include "train/sae_trainer.h"

using namespace saesweep;

namespace {

template <typename Value>
void take(const Json& options, const char* key, Value& value) {
  if (options.contains(key)) value = options.at(key).get<Value>();
}

template <typename Value>
void take(const Json& options, const char* key, std::optional<Value>& value) {
  if (options.contains(key)) value = options.at(key).get<Value>();
}

train::TrainOptions train_options(const Json& options, int64_t tokens) {
  train::TrainOptions train{.tokens = tokens};
  take(options, "batch_tokens", train.batch_tokens);
  take(options, "recipe", train.recipe);
  take(options, "optimizer", train.optimizer);
  take(options, "optimizer_state", train.optimizer_state);
  take(options, "precision", train.precision);
  take(options, "learning_rate", train.learning_rate);
  take(options, "warmup_steps", train.warmup_steps);
  take(options, "decay", train.decay);
  take(options, "gradient_accumulation", train.gradient_accumulation);
  take(options, "gradient_clip", train.gradient_clip);
  take(options, "auxk_alpha", train.auxk_alpha);
  take(options, "multi_topk", train.multi_topk);
  take(options, "b_dec_start", train.b_dec_start);
  take(options, "dead_after_tokens", train.dead_after_tokens);
  return train;
}

Json train_all(const Json& options) {
  const at::Tensor x = model::SafetensorsFile(options.at("activations").get<std::string>()).tensor("x");
  const train::TrainOptions train = train_options(options, x.size(0));
  sae::Sae start = sae::load_sae(options.at("start").get<std::string>());
  const sae::SaeOptions sae{.architecture = start.architecture,
                            .expansion_factor = start.parameters.n_latents() / start.parameters.d_in(),
                            .k = start.k};
  train::SaeTrainer trainer(std::move(start), sae, train, train::FirstBDec::kByRecipe);
  Json losses = Json::array(), rates = Json::array();
  for (int64_t step = 0; step < trainer.n_steps(); ++step) {
    const train::StepReport report = trainer.step(x.narrow(0, step * train.batch_tokens, train.batch_tokens));
    losses.push_back(report.loss);
    rates.push_back(report.learning_rate);
  }
  sae::save_sae(options.at("saved").get<std::string>(), trainer.sae(), sae);
  return {{"loss", losses}, {"learning_rate", rates}};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: train_sae OPTIONS.json\n", stderr);
    return 2;
  }
  try {
    const Json options = read_json(argv[1]);
    model::set_threads(options.value("threads", int64_t{1}));
    std::puts(train_all(options).dump().c_str());
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "train_sae: %s\n", error.what());
    return 2;
  }
}
