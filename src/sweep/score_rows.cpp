#include "sweep/score_rows.h"

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

namespace saesweep::sweep {

namespace {

using autointerp::AutointerpOptions;
using autointerp::CellScoring;
using autointerp::Judged;
using autointerp::LatentExamples;
using autointerp::LatentScores;
using autointerp::Ranking;
using autointerp::Window;
using evaluate::LatentStatus;
using results::ResultsWriter;

int64_t n_silent_kept(const AutointerpOptions& options) {
  return std::max(options.n_silent(), options.scorer_examples);
}

//! `/examples/kind`.
enum class ExampleKind : int8_t { kTop = 0, kFiring = 1, kSilent = 2 };

//! The windows of a latent as they stand in /examples.
class ExampleColumns {
 public:
  explicit ExampleColumns(const AutointerpOptions& options)
      : window_tokens_(static_cast<size_t>(options.window_tokens)) {}

  void add(ExampleKind kind, const Window& window) {
    kind_.push_back(static_cast<int8_t>(kind));
    row_.push_back(window.row);
    start_.push_back(window.start);
    for (size_t i = 0; i < window_tokens_; ++i) {
      token_.push_back(static_cast<int32_t>(window.ids[i]));
      activation_.push_back(window.activations[i]);
    }
  }

  void write(ResultsWriter& results, uint64_t row, uint64_t slot) const {
    results.write_block(row, slot, "/examples/kind", std::span<const int8_t>(kind_));
    results.write_block(row, slot, "/examples/row", std::span<const int64_t>(row_));
    results.write_block(row, slot, "/examples/start", std::span<const int32_t>(start_));
    results.write_block(row, slot, "/examples/token", std::span<const int32_t>(token_));
    results.write_block(row, slot, "/examples/activation", std::span<const float>(activation_));
  }

 private:
  size_t window_tokens_;
  std::vector<int8_t> kind_;
  std::vector<int64_t> row_;
  std::vector<int32_t> start_, token_;
  std::vector<float> activation_;
};

//! How many windows of the highest peaks stand before the others.
size_t n_stored(const LatentExamples& latent, const AutointerpOptions& options) {
  return std::min(latent.top.size(), static_cast<size_t>(options.stored_examples));
}

void write_examples(ResultsWriter& results, uint64_t row, uint64_t slot, const LatentExamples& latent,
                    const AutointerpOptions& options) {
  ExampleColumns columns(options);
  for (size_t i = 0; i < n_stored(latent, options); ++i) columns.add(ExampleKind::kTop, latent.top[i]);
  for (const Window& window : latent.firing) columns.add(ExampleKind::kFiring, window);
  for (const Window& window : latent.silent) columns.add(ExampleKind::kSilent, window);
  columns.write(results, row, slot);
}

int64_t count(const std::vector<LatentStatus>& all, LatentStatus status) {
  return std::count(all.begin(), all.end(), status);
}

//! A column of numbers, one a latent.
template <typename T, typename Of>
std::vector<T> column(size_t n, Of&& of) {
  std::vector<T> values;
  values.reserve(n);
  for (size_t i = 0; i < n; ++i) values.push_back(of(i));
  return values;
}

template <typename T>
void write_latents(ResultsWriter& results, uint64_t row, std::string_view name, const std::vector<T>& values) {
  results.write_latents(row, name, std::span<const T>(values));
}

void write_judged(ResultsWriter& results, uint64_t row, uint64_t slot, const std::string& scorer,
                  const Judged& judged) {
  const size_t n = judged.answers.size();
  const std::string path = "/predictions/" + scorer;
  const auto probability = column<float>(n, [&](size_t i) { return judged.answers[i].probability; });
  const auto answer = column<int8_t>(n, [&](size_t i) { return judged.answers[i].answer; });
  results.write_block(row, slot, path + "_probability", std::span<const float>(probability));
  results.write_block(row, slot, path + "_answer", std::span<const int8_t>(answer));
}

void write_truths(ResultsWriter& results, uint64_t row, uint64_t slot, const std::string& scorer, const Judged& judged,
                  size_t first_firing, size_t first_silent) {
  const size_t n = judged.examples.size();
  const std::string path = "/predictions/" + scorer;
  const auto truth = column<int8_t>(n, [&](size_t i) -> int8_t { return judged.examples[i].truth ? 1 : 0; });
  const auto example = column<int32_t>(n, [&](size_t i) {
    const autointerp::ScorerExample& one = judged.examples[i];
    return static_cast<int32_t>((one.is_firing ? first_firing : first_silent) + one.place);
  });
  results.write_block(row, slot, path + "_truth", std::span<const int8_t>(truth));
  results.write_block(row, slot, path + "_example", std::span<const int32_t>(example));
  if (scorer != "fuzz") return;
  const auto marks = column<int64_t>(n, [&](size_t i) { return static_cast<int64_t>(judged.examples[i].marks); });
  results.write_block(row, slot, "/predictions/fuzz_marks", std::span<const int64_t>(marks));
}

void write_predictions(ResultsWriter& results, uint64_t row, const CellScoring& scoring,
                       const AutointerpOptions& options) {
  for (size_t slot = 0; slot < scoring.scores().size(); ++slot) {
    const LatentScores& scores = scoring.scores()[slot];
    const LatentExamples& latent = scoring.latents()[slot];
    const size_t first_firing = n_stored(latent, options);
    const size_t first_silent = first_firing + latent.firing.size();
    for (const auto& [scorer, judged, null] : {std::tuple("fuzz", &scores.fuzz, &scores.fuzz_null),
                                               std::tuple("detection", &scores.detection, &scores.detection_null)}) {
      if (judged->examples.empty()) continue;
      write_truths(results, row, slot, scorer, *judged, first_firing, first_silent);
      write_judged(results, row, slot, scorer, *judged);
      if (null->examples.empty()) continue;
      write_judged(results, row, slot, std::string(scorer) + "_null", *null);
    }
  }
}

//! AUROC, its null, and balanced accuracy of one scorer, for all latents.
void write_rankings(ResultsWriter& results, uint64_t row, const CellScoring& scoring, const std::string& scorer,
                    Judged LatentScores::*member, Judged LatentScores::*null_member) {
  const std::vector<LatentScores>& scores = scoring.scores();
  std::vector<double> auroc, balanced, null;
  for (const LatentScores& latent : scores) {
    const Ranking ranking = autointerp::ranking_of(latent.*member);
    auroc.push_back(ranking.auroc);
    balanced.push_back(ranking.balanced_accuracy);
    null.push_back(autointerp::ranking_of(latent.*null_member).auroc);
  }
  write_latents(results, row, scorer + "_auroc", auroc);
  write_latents(results, row, scorer + "_balanced_accuracy", balanced);
  write_latents(results, row, scorer + "_auroc_null", null);
  results.write(row, scorer + "_auroc", autointerp::mean_of(auroc));
  results.write(row, scorer + "_balanced_accuracy", autointerp::mean_of(balanced));
  results.write(row, scorer + "_auroc_null", autointerp::mean_of(null));
  results.write(row, scorer + "_auroc_pooled", autointerp::ranking_of(autointerp::pooled(scores, member)).auroc);
}

void write_simulations(ResultsWriter& results, uint64_t row, const CellScoring& scoring) {
  std::vector<double> correlation, null;
  for (size_t slot = 0; slot < scoring.scores().size(); ++slot) {
    const LatentScores& latent = scoring.scores()[slot];
    const auto score = autointerp::simulation_score(latent.simulation, scoring.latents()[slot]);
    correlation.push_back(score.correlation);
    null.push_back(autointerp::simulation_score(latent.simulation_null, scoring.latents()[slot]).correlation);
    results.write_block(row, slot, "/latents/simulation_quantile_correlation",
                        std::span<const double>(score.by_quantile));
  }
  write_latents(results, row, "simulation_correlation", correlation);
  write_latents(results, row, "simulation_correlation_null", null);
  results.write(row, "simulation_correlation", autointerp::mean_of(correlation));
  results.write(row, "simulation_correlation_null", autointerp::mean_of(null));
}

void write_counts(ResultsWriter& results, uint64_t row, const std::vector<LatentScores>& scores) {
  for (const auto& [name, member] :
       {std::pair("n_judged", &LatentScores::n_judged), std::pair("n_missing", &LatentScores::n_missing),
        std::pair("n_unparsable", &LatentScores::n_unparsable)}) {
    const auto values = column<int64_t>(scores.size(), [&, m = member](size_t i) { return scores[i].*m; });
    write_latents(results, row, name, values);
    int64_t sum = 0;
    for (const int64_t value : values) sum += value;
    results.write(row, name, sum);
  }
}

}  // namespace

void add_score_dimensions(results::Shape& shape, const AutointerpOptions& options) {
  if (!options.is_wanted) return;
  shape.n_latents = static_cast<uint64_t>(options.latents);
  shape.n_null_latents = static_cast<uint64_t>(std::min(options.null_latents, options.latents));
  shape.n_predictions = static_cast<uint64_t>(options.scorer_examples + n_silent_kept(options));
  shape.n_examples = static_cast<uint64_t>(options.stored_examples + options.scorer_examples + n_silent_kept(options));
  shape.n_window = static_cast<uint64_t>(options.window_tokens);
}

void write_harvest_columns(ResultsWriter& results, uint64_t row, const autointerp::StoredHarvest& harvest,
                           const AutointerpOptions& options) {
  const size_t n = harvest.latents.size();
  const auto& latents = harvest.latents;
  results.write(row, "n_drawn", harvest.n_drawn);
  results.write(row, "n_dead", count(harvest.status, LatentStatus::kDead));
  results.write(row, "n_rare", count(harvest.status, LatentStatus::kRare));
  results.write(row, "n_dense", count(harvest.status, LatentStatus::kDense));
  results.write(row, "qualifying_share", static_cast<double>(n) / static_cast<double>(harvest.n_drawn));
  results.write(row, "tokens_harvested", harvest.n_tokens);
  results.write(row, "windows_harvested", harvest.n_windows);
  const auto status =
      column<uint8_t>(harvest.status.size(), [&](size_t i) { return static_cast<uint8_t>(harvest.status[i]); });
  results.write_block(row, "/all_latents/status", std::span<const uint8_t>(status));

  std::vector<double> entropy, corrected;
  std::vector<int64_t> n_active;
  for (size_t slot = 0; slot < n; ++slot) {
    const metrics::TokenEntropy one = autointerp::entropy_of(latents[slot], options.entropy_examples);
    entropy.push_back(one.entropy);
    corrected.push_back(one.miller_madow);
    n_active.push_back(one.n_active);
    results.write_block(row, slot, "/latents/peak_quantiles", std::span<const float>(latents[slot].peak_quantiles));
    write_examples(results, row, slot, latents[slot], options);
  }
  write_latents(results, row, "index",
                column<int32_t>(n, [&](size_t i) { return static_cast<int32_t>(latents[i].latent); }));
  write_latents(results, row, "status",
                std::vector<uint8_t>(n, static_cast<uint8_t>(autointerp::LatentState::kQualified)));
  write_latents(
      results, row, "firing_rate", column<float>(n, [&](size_t i) {
        return static_cast<float>(static_cast<double>(latents[i].n_firings) / static_cast<double>(harvest.n_tokens));
      }));
  write_latents(results, row, "n_firings", column<int64_t>(n, [&](size_t i) { return latents[i].n_firings; }));
  write_latents(results, row, "n_windows", column<int64_t>(n, [&](size_t i) { return latents[i].n_firing_windows; }));
  write_latents(results, row, "token_entropy", entropy);
  write_latents(results, row, "token_entropy_mm", corrected);
  write_latents(results, row, "n_active_tokens", n_active);
  results.write(row, "token_entropy", autointerp::mean_of(entropy));
  results.write(row, "token_entropy_mm", autointerp::mean_of(corrected));
}

void write_score_columns(ResultsWriter& results, uint64_t row, const CellScoring& scoring,
                         const AutointerpOptions& options) {
  const std::vector<LatentScores>& scores = scoring.scores();
  const size_t n = scores.size();
  write_latents(results, row, "status",
                column<uint8_t>(n, [&](size_t i) { return static_cast<uint8_t>(scores[i].state); }));
  write_latents(results, row, "explanation", column<std::string>(n, [&](size_t i) { return scores[i].explanation; }));
  write_latents(results, row, "null_of", column<int64_t>(n, [&](size_t i) { return scores[i].null_of; }));
  write_rankings(results, row, scoring, "fuzz", &LatentScores::fuzz, &LatentScores::fuzz_null);
  write_rankings(results, row, scoring, "detection", &LatentScores::detection, &LatentScores::detection_null);
  write_simulations(results, row, scoring);
  write_counts(results, row, scores);
  write_predictions(results, row, scoring, options);
  results.write(row, "n_scored", std::count_if(scores.begin(), scores.end(), [](const LatentScores& one) {
                  return one.state == autointerp::LatentState::kScored;
                }));
}

}  // namespace saesweep::sweep
