#include "sweep/unit_harvest.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "base/errors.h"
#include "base/stopwatch.h"
#include "evaluate/harvest.h"
#include "sweep/unit_run.h"
#include "train/row_order.h"

namespace saesweep::sweep {

namespace {

evaluate::Negatives negatives_of(const std::string& name) {
  if (name == "decoder") return evaluate::Negatives::kDecoder;
  if (name == "cooccurrence") return evaluate::Negatives::kCooccurrence;
  return evaluate::Negatives::kRandom;
}

evaluate::HarvestOptions harvest_options(const autointerp::AutointerpOptions& wanted) {
  return {.n_latents = wanted.latents,
          .min_windows = wanted.min_windows,
          .n_silent = std::max(wanted.n_silent(), wanted.scorer_examples),
          .n_drawn = autointerp::n_windows_wanted(wanted),
          .n_top = autointerp::n_top_wanted(wanted),
          .is_centered = wanted.window == "centered",
          .negatives = negatives_of(wanted.negatives)};
}

//! A target while it is harvested.
struct Reader {
  HarvestTarget* target;
  std::unique_ptr<evaluate::Harvest> harvest;
};

//! Lets those that hold most follow fewer latents; these are read for again.
void keep_in_memory(std::span<Reader* const> readers, uint64_t limit) {
  for (;;) {
    uint64_t total = 0;
    evaluate::Harvest* largest = nullptr;
    for (const Reader* reader : readers) {
      evaluate::Harvest& one = *reader->harvest;
      total += one.bytes();
      if (largest == nullptr || one.bytes() > largest->bytes()) largest = &one;
    }
    if (total <= limit || largest == nullptr || !largest->shrink()) return;
  }
}

void read_text(std::span<Reader* const> readers, const evaluate::HarvestText& text,
               const train::ActivationSource& source, uint64_t memory,
               const std::function<void(int64_t tokens)>& on_tokens) {
  const auto n_rows = static_cast<int64_t>(text.sample().size());
  for (int64_t place = 0; place < n_rows; place += source.forward_rows()) {
    Stopwatch watch;
    const int64_t n = std::min(source.forward_rows(), n_rows - place);
    const train::ActivationBatch batch =
        source.read(std::span(text.sample()).subspan(static_cast<size_t>(place), static_cast<size_t>(n)));
    const double share = watch.lap() / static_cast<double>(readers.size());
    for (Reader* reader : readers) {
      HarvestTarget& target = *reader->target;
      if (!target.failure.empty()) continue;
      try {
        const sae::Codes codes = sae::encode(*target.sae, batch.activations[target.hookpoint]);
        reader->harvest->add(codes.to(at::kCPU), place);
      } catch (const NumericError& error) {
        target.failure = error.what();
      }
      target.seconds += share + watch.lap();
    }
    keep_in_memory(readers, memory);
    on_tokens(n * text.context_length() * static_cast<int64_t>(readers.size()));
  }
}

}  // namespace

HarvestRows harvest_rows(const SweepOptions& options, const text::TokenRows& rows) {
  const int64_t first = rows_for(options.evaluate.tokens, rows);
  const int64_t wanted = options.autointerp.harvest_tokens / rows.context_length();
  return {first, std::min(wanted, rows.n_rows() - first)};
}

void harvest_saes(std::span<HarvestTarget> targets, const train::ActivationSource& source, const text::TokenRows& rows,
                  const text::Tokenizer& tokenizer, const SweepOptions& options,
                  const std::function<void(int64_t tokens)>& on_tokens) {
  const std::string& text_hash = rows.stream().text_hash();
  const HarvestRows sample = harvest_rows(options, rows);
  train::RowOrder order("held out", text_hash, options.text.data_seed, rows.n_rows());
  std::vector<uint32_t> special_ids;
  if (!options.autointerp.special_tokens) special_ids.push_back(tokenizer.end_of_text());
  const evaluate::HarvestText text(rows, order.rows(sample.first, sample.n), options.autointerp.window_tokens,
                                   special_ids);
  const evaluate::HarvestOptions wanted = harvest_options(options.autointerp);
  std::vector<Reader> all;
  for (HarvestTarget& target : targets) {
    all.push_back({&target, std::make_unique<evaluate::Harvest>(text, text_hash, wanted, target.sae_seed,
                                                                target.sae->parameters.W_dec)});
  }
  const auto memory = static_cast<uint64_t>(options.autointerp.harvest_memory_gb * 1e9);
  for (;;) {
    std::vector<Reader*> readers;
    for (Reader& reader : all) {
      if (reader.target->failure.empty() && reader.harvest->begin_reading()) readers.push_back(&reader);
    }
    if (readers.empty()) break;
    read_text(readers, text, source, memory, on_tokens);
    for (Reader* reader : readers) reader->harvest->end_reading();
  }
  for (Reader& reader : all) {
    if (!reader.target->failure.empty()) continue;
    reader.target->harvest = autointerp::choose_examples(reader.harvest->finish(), options.autointerp);
    reader.harvest.reset();
  }
}

}  // namespace saesweep::sweep
