#include "sweep/inputs.h"

#include <fmt/format.h>

#include "base/errors.h"
#include "model/variants.h"
#include "sweep/loaded_saes.h"
#include "sweep/texts.h"
#include "text/corpus.h"
#include "text/tokenizer.h"

namespace saesweep::sweep {
namespace {

std::string checked_tokenizer_hash(const ModelInputs& inputs) {
  const auto tokenizer = text::Tokenizer::load(inputs.tokenizer);
  tokenizer.end_of_text();
  if (tokenizer.vocab_size() > inputs.config.vocab_size) {
    throw TextError(inputs.tokenizer,
                    fmt::format("ids up to {}, but {} has vocab_size {}; it is another model's tokenizer",
                                tokenizer.vocab_size() - 1, inputs.source.config.string(), inputs.config.vocab_size));
  }
  return tokenizer.hash();
}

ModelInputs model_inputs(const std::string& given, const SweepOptions& options) {
  ModelInputs inputs;
  inputs.source = find_model(given, options);
  inputs.config = model::read_config(inputs.source.config);
  inputs.tokenizer = model::tokenizer_file(inputs.source, options.model.tokenizer).string();
  inputs.tokenizer_hash = checked_tokenizer_hash(inputs);
  for (const auto variant : options.axes.variants) {
    if (variant == model::Variant::kStep0) {
      inputs.step0_is_drawn = !model::checkpoint_folder(inputs.source, variant).has_value();
      inputs.step0_hash = model::content_hash(inputs.source, variant);
    } else if (inputs.hash.empty()) {
      inputs.hash = model::content_hash(inputs.source, variant);
    }
  }
  return inputs;
}

}  // namespace

model::ModelSource find_model(const std::string& given, const SweepOptions& options) {
  try {
    return model::find_model(given);
  } catch (const ModelError& error) {
    throw ModelError(options.place_of("model.paths") + ": model.paths", error.what());
  }
}

ResolvedInputs resolve_models(const SweepOptions& options) {
  ResolvedInputs inputs;
  for (const auto& given : options.axes.model_paths) inputs.models.emplace(given, model_inputs(given, options));
  inputs.saes = resolve_saes(options, inputs);
  return inputs;
}

ResolvedInputs resolve_inputs(const SweepOptions& options) {
  ResolvedInputs inputs = resolve_models(options);
  const text::Corpus corpus(options.text);
  const std::string& tokenizer = inputs.models.begin()->second.tokenizer_hash;
  const text::NeededStores stores = stores_of(options, corpus, tokenizer);
  if (text::is_made(stores.train, tokenizer) && (!stores.held_out || text::is_made(*stores.held_out, tokenizer))) {
    const text::TokenizedText text(stores, corpus, options.text.context_length);
    inputs.train_text_hash = text.text_hash(text::Split::kTrain);
    inputs.held_out_text_hash = text.text_hash(text::Split::kHeldOut);
  } else {
    const text::TextSummary summary = text::summarize(corpus, options.text.read);
    inputs.train_text_hash = summary.train.hash;
    inputs.held_out_text_hash = summary.held_out.hash;
  }
  return inputs;
}

}  // namespace saesweep::sweep
