#include "sweep/inputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/errors.h"
#include "model/checkpoint.h"
#include "model/variants.h"
#include "sweep/texts.h"
#include "text/corpus.h"
#include "text/tokenizer.h"

namespace saesweep::sweep {
namespace {

std::string tokenizer_hash(const std::filesystem::path& folder, const model::GptNeoxConfig& config) {
  const auto path = folder / "tokenizer.json";
  const auto tokenizer = text::Tokenizer::load(path);
  tokenizer.end_of_text();
  if (tokenizer.vocab_size() > config.vocab_size) {
    throw TextError(path.string(),
                    fmt::format("ids up to {}, but {} has vocab_size {}; it is another model's tokenizer",
                                tokenizer.vocab_size() - 1, (folder / "config.json").string(), config.vocab_size));
  }
  return tokenizer.hash();
}

ModelInputs model_inputs(const std::filesystem::path& folder, bool has_step0) {
  ModelInputs inputs;
  inputs.config = model::read_config(folder);
  inputs.hash = model::checkpoint_hash(folder);
  inputs.tokenizer_hash = tokenizer_hash(folder, inputs.config);
  if (has_step0) inputs.step0_hash = model::checkpoint_hash(model::checkpoint_folder(folder, model::Variant::kStep0));
  return inputs;
}

}  // namespace

ResolvedInputs resolve_models(const SweepOptions& options) {
  const auto& variants = options.axes.variants;
  const bool has_step0 = std::ranges::find(variants, model::Variant::kStep0) != variants.end();
  ResolvedInputs inputs;
  for (const auto& path : options.axes.model_paths) inputs.models.emplace(path, model_inputs(path, has_step0));
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
