#include "autointerp/examples.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>

namespace saesweep::autointerp {

namespace {

//! A window drawn, and the tenth of peaks that it is of.
struct Drawn {
  const Window* window;
  float peak;
  int32_t quantile;
};

//! In the order drawn.
std::vector<Drawn> ranked(const std::vector<Window>& windows) {
  std::vector<Drawn> drawn;
  for (const Window& window : windows) drawn.push_back({&window, peak_of(window), 0});
  std::vector<size_t> order(drawn.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return drawn[a].peak < drawn[b].peak; });
  for (size_t rank = 0; rank < order.size(); ++rank) {
    drawn[order[rank]].quantile = static_cast<int32_t>(rank * kQuantiles / order.size());
  }
  return drawn;
}

std::vector<float> quantiles_of(const std::vector<Drawn>& drawn) {
  std::vector<float> peaks;
  for (const Drawn& one : drawn) peaks.push_back(one.peak);
  std::sort(peaks.begin(), peaks.end());
  std::vector<float> quantiles;
  for (int32_t i = 0; i <= kQuantiles && !peaks.empty(); ++i) {
    quantiles.push_back(peaks[(peaks.size() - 1) * static_cast<size_t>(i) / kQuantiles]);
  }
  return quantiles;
}

//! Windows not used yet, taken in the order drawn.
class Pool {
 public:
  explicit Pool(std::vector<Drawn> drawn) : drawn_(std::move(drawn)) {}

  //! n windows, evenly from the tenths; where one has too few, the others give more.
  std::vector<Drawn> evenly(int64_t n) {
    std::vector<Drawn> taken;
    for (int32_t quantile = 0; quantile < kQuantiles; ++quantile) {
      const int64_t share = n * (quantile + 1) / kQuantiles - n * quantile / kQuantiles;
      take(taken, share, [&](const Drawn& one) { return one.quantile == quantile; });
    }
    take(taken, n - static_cast<int64_t>(taken.size()), [](const Drawn&) { return true; });
    return taken;
  }

  std::vector<Drawn> at_random(int64_t n) {
    std::vector<Drawn> taken;
    take(taken, n, [](const Drawn&) { return true; });
    return taken;
  }

  void leave_out(const Window& window) { used_.emplace(window.row, window.start); }

 private:
  template <typename Fits>
  void take(std::vector<Drawn>& taken, int64_t n, Fits&& fits) {
    for (const Drawn& one : drawn_) {
      if (n <= 0) return;
      if (!fits(one) || !used_.emplace(one.window->row, one.window->start).second) continue;
      taken.push_back(one);
      --n;
    }
  }

  std::vector<Drawn> drawn_;
  std::set<std::pair<int64_t, int32_t>> used_;
};

std::vector<Window> explainer_windows(Pool& pool, const std::vector<Window>& top, const AutointerpOptions& options) {
  const int64_t n = options.explainer_examples;
  int64_t n_top = 0;
  if (options.explainer_selection == "top") n_top = n;
  if (options.explainer_selection == "mix") n_top = n / 2;
  std::vector<Window> chosen(top.begin(), top.begin() + std::min(n_top, static_cast<int64_t>(top.size())));
  for (const Window& window : chosen) pool.leave_out(window);
  const int64_t n_rest = options.explainer_selection == "top" ? 0 : n - static_cast<int64_t>(chosen.size());
  const bool is_random = options.explainer_selection == "random";
  for (const Drawn& one : is_random ? pool.at_random(n_rest) : pool.evenly(n_rest)) chosen.push_back(*one.window);
  std::stable_sort(chosen.begin(), chosen.end(),
                   [](const Window& a, const Window& b) { return peak_of(a) > peak_of(b); });
  return chosen;
}

}  // namespace

float peak_of(const Window& window) {
  return window.activations.empty() ? 0 : *std::max_element(window.activations.begin(), window.activations.end());
}

int64_t n_windows_wanted(const AutointerpOptions& options) {
  return kQuantiles * (options.explainer_examples + options.scorer_examples);
}

int64_t n_top_wanted(const AutointerpOptions& options) {
  const bool shows_top = options.explainer_selection == "top" || options.explainer_selection == "mix";
  return std::max({options.entropy_examples, options.stored_examples, shows_top ? options.explainer_examples : 0});
}

LatentExamples choose_examples(const evaluate::LatentWindows& windows, const AutointerpOptions& options) {
  const std::vector<Drawn> drawn = ranked(windows.firing);
  Pool pool(drawn);
  LatentExamples examples{.latent = windows.latent,
                          .n_firings = windows.n_firings,
                          .n_firing_windows = windows.n_firing_windows,
                          .peak_quantiles = quantiles_of(drawn),
                          .top = {},
                          .explainer = explainer_windows(pool, windows.top, options),
                          .firing = {},
                          .firing_quantile = {},
                          .silent = {}};
  const int64_t n_top = std::max(options.entropy_examples, options.stored_examples);
  examples.top.assign(windows.top.begin(),
                      windows.top.begin() + std::min(n_top, static_cast<int64_t>(windows.top.size())));
  const bool is_random = options.scorer_selection == "random";
  for (const Drawn& one : is_random ? pool.at_random(options.scorer_examples) : pool.evenly(options.scorer_examples)) {
    examples.firing.push_back(*one.window);
    examples.firing_quantile.push_back(one.quantile);
  }
  examples.silent = windows.silent;
  return examples;
}

}  // namespace saesweep::autointerp
