#pragma once

#include <cstdint>
#include <vector>

#include "autointerp/options.h"
#include "evaluate/windows.h"

namespace saesweep::autointerp {

using evaluate::Window;

//! The examples of one latent. No window is both the explainer's and a scorer's.
struct LatentExamples {
  int64_t latent = -1;
  int64_t n_firings = 0;
  int64_t n_firing_windows = 0;
  //! Quantiles of the peaks of firing windows drawn at random, from the least to the greatest, in equal steps.
  std::vector<float> peak_quantiles;
  //! Windows of the highest peaks, highest first; the token distribution entropy is taken over them.
  std::vector<Window> top;
  //! What the explainer is shown, highest peak first.
  std::vector<Window> explainer;
  //! Firing windows of the scorers, and which tenth of all peaks each is of, from 0 (the lowest).
  std::vector<Window> firing;
  std::vector<int32_t> firing_quantile;
  std::vector<Window> silent;

  bool operator==(const LatentExamples&) const = default;
};

//! Parts into which peaks are cut.
inline constexpr int32_t kQuantiles = 10;

//! Firing windows that examples are chosen from: so many that each tenth holds all that is drawn from it.
int64_t n_windows_wanted(const AutointerpOptions& options);
//! Windows of the highest peaks, of which the explainer may be shown some.
int64_t n_top_wanted(const AutointerpOptions& options);

//! Chooses the examples of a latent from its windows. Fewer windows than asked for: explainer first. Depends on the
//! windows alone.
LatentExamples choose_examples(const evaluate::LatentWindows& windows, const AutointerpOptions& options);

//! The highest activation of a window.
float peak_of(const Window& window);

}  // namespace saesweep::autointerp
