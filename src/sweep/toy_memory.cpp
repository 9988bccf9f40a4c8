#include "sweep/toy_memory.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/errors.h"
#include "base/progress.h"

namespace saesweep::sweep {

namespace {

constexpr double kNumber = sizeof(float);

//! Of one data set: as it is drawn, divided and standardized.
double data_bytes(const ToyCell& cell, const toy::ToyOptions& options) {
  const auto features = static_cast<double>(cell.embeddings < 0 ? options.drawn.features : 0);
  const auto d = static_cast<double>(cell.d_in);
  // The features' covariance and directions are drawn in float64.
  return kNumber * (3 * static_cast<double>(cell.n_samples) * d + 2 * features * (features + d));
}

//! Of one SAE: its start, kept and copied, with two moments, and a batch of codes with their gradient.
double sae_bytes(const ToyCell& cell, const toy::ToyOptions& options) {
  const auto n_latents = static_cast<double>(cell.n_latents);
  const auto batch = static_cast<double>(std::min(options.training.batch, cell.n_samples));
  return kNumber * n_latents * (8 * static_cast<double>(cell.d_in) + 2 * batch);
}

}  // namespace

void check_toy_memory(const toy::ToyOptions& options, std::span<const toy::Embeddings> embeddings,
                      std::span<const ToyCell> cells, uint64_t bytes) {
  double matrices = 0;
  for (const toy::Embeddings& one : embeddings) matrices += kNumber * static_cast<double>(one.rows.numel());
  for (const ToyCell& cell : cells) {
    const double needed =
        matrices + data_bytes(cell, options) + static_cast<double>(options.threads) * sae_bytes(cell, options);
    if (needed <= static_cast<double>(bytes)) continue;
    throw ConfigError(
        options.source,
        fmt::format("the cell {} needs {:.1f} GB of memory with all that a rank holds beside it; a rank has {} (fewer "
                    "run.threads, or fewer ranks a machine, change that)",
                    describe(cell), needed / 1e9, bytes_text(bytes)));
  }
}

}  // namespace saesweep::sweep
