#pragma once

#include <cstdint>
#include <vector>

#include "autointerp/example_text.h"
#include "autointerp/examples.h"

namespace saesweep::autointerp {

//! An example of a scorer: a window, what is marked in it, and the truth.
struct ScorerExample {
  //! Of LatentExamples::firing or ::silent, and its place there.
  bool is_firing = false;
  size_t place = 0;
  //! 0: nothing is marked (detection).
  Marks marks = 0;
  //! Fuzzing: whether the marks are right; detection: whether the latent fires in it.
  bool truth = false;

  bool operator==(const ScorerExample&) const = default;
};

//! Fuzzing's examples: each firing window with its own marks, and for each of them a wrong one that takes its marks (so
//! neither number nor position tells them apart) to a silent window, or to a firing window whose tokens are silent
//! there. In an order that depends on the latent's number alone.
std::vector<ScorerExample> fuzzing_examples(const LatentExamples& examples, const AutointerpOptions& options);

//! Detection's: firing and silent windows without marks.
std::vector<ScorerExample> detection_examples(const LatentExamples& examples, const AutointerpOptions& options);

}  // namespace saesweep::autointerp
