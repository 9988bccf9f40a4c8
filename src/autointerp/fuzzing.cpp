#include "autointerp/fuzzing.h"

#include <algorithm>
#include <optional>
#include <string>

#include "base/random.h"

namespace saesweep::autointerp {

namespace {

std::vector<ScorerExample> shuffled(std::vector<ScorerExample> examples, const std::string& scorer, int64_t latent) {
  std::vector<ScorerExample> mixed;
  for (const uint32_t i : permutation(examples.size(), Stream{"scorer order", scorer, latent})) {
    mixed.push_back(examples[i]);
  }
  return mixed;
}

bool is_silent_on(const Window& window, Marks marks) {
  for (size_t i = 0; i < window.activations.size(); ++i) {
    if ((marks >> i & 1) != 0 && window.activations[i] > 0) return false;
  }
  return true;
}

//! The firing window after `own`, cyclically, that is silent on the marks, those used least first.
std::optional<size_t> window_silent_on(Marks marks, size_t own, const std::vector<Window>& firing,
                                       const std::vector<int>& uses) {
  std::optional<size_t> best;
  for (size_t step = 1; step < firing.size(); ++step) {
    const size_t place = (own + step) % firing.size();
    if (!is_silent_on(firing[place], marks)) continue;
    if (!best || uses[place] < uses[*best]) best = place;
  }
  return best;
}

}  // namespace

std::vector<ScorerExample> fuzzing_examples(const LatentExamples& examples, const AutointerpOptions& options) {
  std::vector<ScorerExample> all;
  std::vector<int> uses(examples.firing.size(), 0);
  size_t next_silent = 0;
  for (size_t i = 0; i < examples.firing.size(); ++i) {
    const Marks marks = marks_of(examples.firing[i], options.mark_threshold);
    const bool wants_tokens =
        options.fuzz_negatives == "silent_tokens" || (options.fuzz_negatives == "both" && i % 2 == 1);
    const auto other =
        wants_tokens || examples.silent.empty() ? window_silent_on(marks, i, examples.firing, uses) : std::nullopt;
    // Without a wrong example of the same marks, the right one would give itself away.
    if (!other && examples.silent.empty()) continue;
    all.push_back({true, i, marks, true});
    if (other) {
      ++uses[*other];
      all.push_back({true, *other, marks, false});
    } else {
      all.push_back({false, next_silent++ % examples.silent.size(), marks, false});
    }
  }
  return shuffled(std::move(all), "fuzzing", examples.latent);
}

std::vector<ScorerExample> detection_examples(const LatentExamples& examples, const AutointerpOptions& options) {
  std::vector<ScorerExample> all;
  for (size_t i = 0; i < examples.firing.size(); ++i) all.push_back({true, i, 0, true});
  const auto n_silent = std::min(examples.silent.size(), static_cast<size_t>(options.n_silent()));
  for (size_t i = 0; i < n_silent; ++i) all.push_back({false, i, 0, false});
  return shuffled(std::move(all), "detection", examples.latent);
}

}  // namespace saesweep::autointerp
