#include "sweep/toy_cells.h"

#include <fmt/format.h>

#include <set>

#include "base/errors.h"
#include "base/hash.h"
#include "toy/sae_training.h"

namespace saesweep::sweep {

namespace {

//! Raised where the same settings come to mean another SAE, or another measure of it.
constexpr int kTrainingVersion = 1;
constexpr int kEvaluationVersion = 1;

std::string hash_of(const std::string& text) {
  return hex(sha256(text));
}

//! All that decides the samples.
std::string data_text(const ToyCell& cell, const toy::ToyOptions& options, std::span<const toy::Embeddings> all) {
  const toy::DataOptions& drawn = options.drawn;
  const std::string source = cell.embeddings >= 0
                                 ? "embeddings " + all[static_cast<size_t>(cell.embeddings)].hash
                                 : fmt::format("superposed features={} d_in={} active={} decay={}", drawn.features,
                                               drawn.d_in, drawn.active_features, drawn.decay);
  return fmt::format("{} gaussian={} mlp={} samples={} held_out={} seed={}", source, cell.data.variant == "gaussian",
                     cell.data.is_behind_mlp, cell.n_samples, drawn.held_out, cell.data.seed);
}

void add_ids(ToyCell& cell, const toy::ToyOptions& options, std::span<const toy::Embeddings> all) {
  const toy::TrainingOptions& training = options.training;
  // The CPU gives the same bits everywhere; other devices do not.
  const char* device = options.device == "cuda" ? " device=cuda" : "";
  cell.id = hash_of(fmt::format("toy {} {} latents={} penalty={} epochs={} batch={} learning_rate={}{}",
                                kTrainingVersion, data_text(cell, options, all), cell.n_latents, cell.penalty,
                                training.epochs, training.batch, training.learning_rate, device));
  cell.evaluate_id = hash_of(fmt::format("toy evaluation {} {}", kEvaluationVersion, cell.id));
}

std::vector<int64_t> latents_of(const toy::ToyOptions& options, int64_t d_in) {
  std::vector<int64_t> latents = options.latents;
  for (const int64_t factor : options.expansion_factors) latents.push_back(factor * d_in);
  return latents;
}

//! One source of data: superposed features, or an embedding matrix.
ToyCell source_cell(const toy::ToyOptions& options, std::span<const toy::Embeddings> all, int64_t number) {
  if (number < 0) return {.model = "toy", .data = {}, .n_samples = options.drawn.samples, .d_in = options.drawn.d_in};
  const toy::Embeddings& one = all[static_cast<size_t>(number)];
  const int64_t n = one.rows.size(0);
  const int64_t wanted = options.drawn.samples;
  return {.model = one.name,
          .embeddings = number,
          .data = {},
          .n_samples = wanted == 0 ? n : std::min(wanted, n),
          .d_in = one.rows.size(1)};
}

//! Matrices are known by their names in rows.
void require_own_names(const toy::ToyOptions& options, std::span<const toy::Embeddings> all) {
  std::set<std::string> names;
  for (const toy::Embeddings& one : all) {
    if (names.insert(one.name).second) continue;
    throw ConfigError(options.source,
                      fmt::format("toy.embeddings: two matrices are called {}; rename the file or folder of one, or "
                                  "give it a sweep of its own",
                                  one.name));
  }
}

void require_divided(const ToyCell& cell, const toy::ToyOptions& options) {
  const int64_t n_held_out = toy::n_held_out(options.drawn, cell.n_samples);
  if (n_held_out > 0 && n_held_out < cell.n_samples) return;
  throw ConfigError(
      options.source,
      fmt::format("toy.held_out: found {}, which divides the {} samples of {} into {} to train on and {} "
                  "to measure on, expected some of both",
                  options.drawn.held_out, cell.n_samples, cell.model, cell.n_samples - n_held_out, n_held_out));
}

void require_different(const std::vector<ToyCell>& cells, const toy::ToyOptions& options) {
  std::set<std::string> ids;
  for (const ToyCell& cell : cells) {
    if (ids.insert(cell.id).second) continue;
    throw ConfigError(options.source, fmt::format("two cells are the same, {}; does an array of [toy] name the same "
                                                  "thing twice?",
                                                  describe(cell)));
  }
}

}  // namespace

std::vector<ToyCell> expand_toy(const toy::ToyOptions& options, std::span<const toy::Embeddings> embeddings) {
  std::vector<ToyCell> cells;
  require_own_names(options, embeddings);
  const auto n_sources = std::ssize(embeddings);
  for (int64_t number = n_sources == 0 ? -1 : 0; number < n_sources; ++number) {
    ToyCell cell = source_cell(options, embeddings, number);
    require_divided(cell, options);
    for (const std::string& variant : options.data) {
      for (const std::string& hookpoint : options.hookpoints) {
        for (const int64_t seed : options.seeds) {
          cell.data = {variant, hookpoint == "mlp", seed};
          for (const int64_t n_latents : latents_of(options, cell.d_in)) {
            for (const double penalty : options.penalties) {
              cell.n_latents = n_latents;
              cell.penalty = penalty;
              add_ids(cell, options, embeddings);
              cells.push_back(cell);
            }
          }
        }
      }
    }
  }
  require_different(cells, options);
  return cells;
}

results::CellRow row_of(const ToyCell& cell, const toy::ToyOptions& options) {
  return {.id = cell.id,
          .evaluate_id = cell.evaluate_id,
          .score_id = "",
          .model = cell.model,
          .variant = cell.data.variant,
          .hookpoint = cell.data.is_behind_mlp ? "mlp" : "input",
          .architecture = "relu",
          .expansion_factor = cell.n_latents / cell.d_in,
          .penalty = cell.penalty,
          .sae_seed = cell.data.seed,
          .tokens = options.training.epochs * training_samples(cell, options)};
}

std::string describe(const ToyCell& cell) {
  return fmt::format("{}, {}, {}, {} latents, penalty {}, seed {}", cell.model, cell.data.variant,
                     cell.data.is_behind_mlp ? "mlp" : "input", cell.n_latents, cell.penalty, cell.data.seed);
}

int64_t training_samples(const ToyCell& cell, const toy::ToyOptions& options) {
  return cell.n_samples - toy::n_held_out(options.drawn, cell.n_samples);
}

double product_operations(const ToyCell& cell, const toy::ToyOptions& options) {
  return toy::product_operations(options.training, training_samples(cell, options), cell.d_in, cell.n_latents);
}

}  // namespace saesweep::sweep
