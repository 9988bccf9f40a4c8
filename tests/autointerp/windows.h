#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "autointerp/example_text.h"
#include "autointerp/examples.h"
#include "base/random.h"

namespace saesweep::autointerp::test {

//! A window of these activations; ids count up from first_id.
inline Window window(int64_t row, std::vector<float> activations, uint32_t first_id = 100) {
  Window made{.row = row, .start = 0, .ids = {}, .activations = std::move(activations)};
  for (size_t i = 0; i < made.activations.size(); ++i) made.ids.push_back(first_id + static_cast<uint32_t>(i));
  return made;
}

//! A latent that fires on few tokens at drawn places of each window, strongest where the place is high.
inline evaluate::LatentWindows drawn_latent(int64_t latent, int64_t n_windows, int64_t n_tokens = 32) {
  evaluate::LatentWindows made{.latent = latent,
                               .n_firings = n_windows,
                               .n_firing_windows = n_windows,
                               .n_silent_windows = n_windows,
                               .top = {},
                               .firing = {},
                               .silent = {}};
  const Stream stream{"drawn latent", latent};
  for (int64_t i = 0; i < n_windows; ++i) {
    std::vector<float> activations(static_cast<size_t>(n_tokens), 0);
    const uint64_t n_active = 1 + stream.bits(static_cast<uint64_t>(3 * i)) % 4;
    for (uint64_t j = 0; j < n_active; ++j) {
      // Places near the end are likelier, as they would be in centered windows.
      const uint64_t draw = stream.bits(1000 + static_cast<uint64_t>(i) * 8 + j);
      const auto place = static_cast<size_t>(n_tokens - 1 - static_cast<int64_t>((draw % 32) * (draw / 64 % 32) / 32));
      activations[place] = 1 + static_cast<float>(draw % 1000) / 100;
    }
    made.firing.push_back(window(i, activations));
    made.silent.push_back(window(n_windows + i, std::vector<float>(static_cast<size_t>(n_tokens), 0)));
  }
  made.top = made.firing;
  std::stable_sort(made.top.begin(), made.top.end(),
                   [](const Window& a, const Window& b) { return peak_of(a) > peak_of(b); });
  return made;
}

//! Tokens " t100", " t101", ...
inline std::string token_text(uint32_t id) {
  return " t" + std::to_string(id);
}

}  // namespace saesweep::autointerp::test
