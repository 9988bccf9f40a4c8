#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "autointerp/answers.h"
#include "autointerp/fuzzing.h"
#include "metrics/token_entropy.h"

namespace saesweep::autointerp {

inline constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

//! What a scorer's examples came to, in their order.
struct Judged {
  std::vector<ScorerExample> examples;
  std::vector<Answer> answers;
};

//! AUROC and balanced accuracy of some judged examples; missing ones are left out.
struct Ranking {
  double auroc = kMissing;
  double balanced_accuracy = kMissing;
};
Ranking ranking_of(const Judged& judged);

//! Predicted and true activations of a latent's simulated windows.
struct Simulated {
  //! Of LatentExamples::firing.
  std::vector<size_t> places;
  //! [places, window]; empty where no usable reply came.
  std::vector<std::vector<double>> predicted;
};

//! Correlation over all tokens of all windows, and over those of each tenth of peaks.
struct SimulationScore {
  double correlation = kMissing;
  std::vector<double> by_quantile = std::vector<double>(kQuantiles, kMissing);
};
SimulationScore simulation_score(const Simulated& simulated, const LatentExamples& examples);

//! Token distribution entropy over the windows of the highest peaks; NaN with fewer than entropy_examples.
metrics::TokenEntropy entropy_of(const LatentExamples& examples, int64_t entropy_examples);

//! `/latents/status` of the results.
enum class LatentState : uint8_t { kNone = 0, kQualified = 1, kScored = 2, kNoExplanation = 3 };

//! Everything that judging one latent brings.
struct LatentScores {
  LatentState state = LatentState::kQualified;
  std::string explanation;
  Judged fuzz, detection;
  Simulated simulation;
  //! With the explanation of another latent, whose place among the cell's is null_of.
  int64_t null_of = -1;
  Judged fuzz_null, detection_null;
  Simulated simulation_null;
  //! Examples judged, examples without an answer, and of those the ones whose reply could not be read.
  int64_t n_judged = 0;
  int64_t n_missing = 0;
  int64_t n_unparsable = 0;
};

//! Means over the latents of a cell that have the score; NaN where none has.
double mean_of(const std::vector<double>& values);

//! All judged examples of a cell as those of one latent.
Judged pooled(const std::vector<LatentScores>& latents, Judged LatentScores::*member);

}  // namespace saesweep::autointerp
