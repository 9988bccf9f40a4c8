#include "sweep/toy_memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/errors.h"
#include "base/progress.h"

namespace saesweep::sweep {

namespace {

constexpr double kNumber = sizeof(float);

//! Data sets that a rank keeps at a time (sweep/toy_training.h): on CUDA SAEs of all seeds train together.
double data_kept(const toy::ToyOptions& options, std::span<const ToyCell> cells) {
  std::set<std::pair<int64_t, toy::DataKey>> all;
  for (const ToyCell& cell : cells) all.insert({cell.embeddings, cell.data});
  const int64_t n_seeds = options.device == "cuda" ? std::ssize(options.seeds) : 0;
  return static_cast<double>(std::min<int64_t>(std::ssize(all), std::max(options.threads + 1, n_seeds)));
}

//! Of so many data sets like the cell's, and of one as it is drawn, divided and standardized.
double data_bytes(const ToyCell& cell, const toy::ToyOptions& options, double n_kept) {
  const auto features = static_cast<double>(cell.embeddings < 0 ? options.drawn.features : 0);
  const auto d = static_cast<double>(cell.d_in);
  // The features' covariance and directions are drawn in float64.
  return kNumber * ((n_kept + 2) * static_cast<double>(cell.n_samples) * d + 2 * features * (features + d));
}

//! Of one SAE: its start, kept and copied, with two moments, and a batch of codes with their gradient.
double sae_bytes(const ToyCell& cell, const toy::ToyOptions& options) {
  const auto n_latents = static_cast<double>(cell.n_latents);
  const auto batch = static_cast<double>(std::min(options.training.batch, cell.n_samples));
  return kNumber * n_latents * (8 * static_cast<double>(cell.d_in) + 2 * batch);
}

}  // namespace

ToyNeed toy_need(const toy::ToyOptions& options, std::span<const toy::Embeddings> embeddings,
                 std::span<const ToyCell> cells) {
  double matrices = 0;
  for (const toy::Embeddings& one : embeddings) matrices += kNumber * static_cast<double>(one.rows.numel());
  const double n_kept = data_kept(options, cells);
  ToyNeed most;
  for (const ToyCell& cell : cells) {
    const double bytes =
        matrices + data_bytes(cell, options, n_kept) + static_cast<double>(options.threads) * sae_bytes(cell, options);
    if (bytes > most.bytes) most = {&cell, bytes};
  }
  return most;
}

void check_toy_memory(const toy::ToyOptions& options, std::span<const toy::Embeddings> embeddings,
                      std::span<const ToyCell> cells, uint64_t bytes) {
  const ToyNeed need = toy_need(options, embeddings, cells);
  if (need.bytes <= static_cast<double>(bytes)) return;
  throw ConfigError(options.source,
                    fmt::format("the cell {} needs {:.1f} GB of memory with all that a rank holds beside it; a rank "
                                "has {} (fewer run.threads, or fewer ranks a machine, change that)",
                                describe(*need.cell), need.bytes / 1e9, bytes_text(bytes)));
}

}  // namespace saesweep::sweep
