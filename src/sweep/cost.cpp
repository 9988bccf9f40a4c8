#include "sweep/cost.h"

#include <algorithm>
#include <set>

#include "train/recipe.h"

namespace saesweep::sweep {
namespace {

// Adam reads and writes a weight and two moments; no gradient is stored.
constexpr double kAdamBytes = 24;
// Pre-activations stay in the cache; writing them there and choosing k of them takes about as long as this much
// memory traffic.
constexpr double kPreActivationBytes = 12;
// Packed tokens and latents of the encoder's product.
constexpr double kPackedBytes = 40 << 20;

// Memory a parameter: the float32 weight, and what the optimizer remembers: two numbers of Adam, one of signum.
double parameter_bytes(const Cell& cell, const train::TrainOptions& train) {
  if (cell.is_loaded()) return 4;
  const double state = train.optimizer_state == "bfloat16" ? 2 : 4;
  return 4 + state * (train.optimizer == "signum" ? 1 : 2);
}

// Latents a token that are active: of relu and jumprelu a share that is half at the start and small in the end.
double active_latents(const Cell& cell, double share) {
  return takes_k(cell.sae.architecture) ? static_cast<double>(cell.sae.k) : share * cell.n_latents;
}

// What a token's candidates and codes take where its n largest are wanted.
double largest_bytes(double n) {
  return 8 * (n + std::max(n, 64.0) + 48) + 28 * n;
}

// What a step holds beside that: centered inputs, the gradient of each reconstruction, candidates and codes.
double step_bytes(const Cell& cell, const train::TrainOptions& train, double batch) {
  const bool is_nested = cell.sae.architecture == sae::Architecture::kMatryoshka;
  const bool has_auxk = !cell.is_loaded() && train::make_recipe(train, cell.n_latents).auxk_alpha > 0;
  const double row = 4.0 * cell.d_in;
  double token = row * (1 + (is_nested ? static_cast<double>(cell.sae.matryoshka_fractions.size()) : 1)) +
                 largest_bytes(active_latents(cell, 0.5));
  if (train.multi_topk) token += row + largest_bytes(4.0 * cell.sae.k);
  if (has_auxk) token += 2 * row + largest_bytes(cell.d_in / 2.0);
  return kPackedBytes + batch * token;
}

double n_parameters(const Cell& cell) {
  return 2.0 * cell.d_in * cell.n_latents + static_cast<double>(cell.n_latents + cell.d_in);
}

double n_parameters(const model::GptNeoxConfig& config) {
  const double d = config.d_model;
  return 2.0 * config.vocab_size * d + config.n_layers * (4 * d * d + 2 * d * config.d_mlp);
}

double encoder_flops(const Cell& cell) {
  return 2.0 * cell.d_in * cell.n_latents;
}
double decoder_flops(const Cell& cell) {
  return 2.0 * cell.d_in * active_latents(cell, 0.1);
}

}  // namespace

CostModel::CostModel(const SweepOptions& options, const ResolvedInputs& inputs, CoreSpeed core)
    : options_(options), flops_(core.flops * options.run.threads), bytes_(core.bytes) {
  for (const auto& [path, model] : inputs.models) configs_.emplace(path, model.config);
}

double CostModel::blocks_flops(const model::GptNeoxConfig& config, int64_t n_blocks) const {
  const double d = config.d_model;
  const double products = 2 * (4 * d * d + 2 * d * config.d_mlp);
  const double attention = 4.0 * options_.text.context_length * d;
  return n_blocks * (products + attention);
}

double CostModel::rest_flops(const Cell& cell) const {
  const auto& config = configs_.at(cell.model_path);
  const int64_t n_blocks = config.n_layers - 1 - cell.hookpoint.layer;
  return blocks_flops(config, n_blocks) + 2.0 * config.d_model * config.vocab_size;
}

//! The metrics are taken on held-out text and on as much training text; harvest reads most SAEs' text once.
double CostModel::encoded_tokens() const {
  const int64_t harvested = options_.autointerp.is_wanted ? options_.autointerp.harvest_tokens : 0;
  return static_cast<double>(2 * options_.evaluate.tokens + harvested);
}

double CostModel::shared_seconds(std::span<const Cell* const> cells) const {
  const auto& config = configs_.at(cells.front()->model_path);
  int64_t last_layer = -1;
  int64_t tokens = 0;
  std::map<model::Hookpoint, double> zeroed;
  for (const auto* cell : cells) {
    last_layer = std::max(last_layer, cell->hookpoint.layer);
    tokens = std::max(tokens, cell->tokens);
    // A buffer is filled whole.
    if (const int64_t block = options_.train.buffer_tokens; block > 0 && !cell->is_loaded()) {
      tokens = std::max(tokens, (cell->tokens + block - 1) / block * block);
    }
    zeroed[cell->hookpoint] = rest_flops(*cell);
  }
  const double read = static_cast<double>(tokens) + encoded_tokens();
  double patched = blocks_flops(config, config.n_layers) + 2.0 * config.d_model * config.vocab_size;
  for (const auto& [hookpoint, flops] : zeroed) patched += flops;
  return (read * blocks_flops(config, last_layer + 1) + options_.evaluate.ce_tokens * patched) / flops_;
}

double CostModel::cell_seconds(const Cell& cell) const {
  const double trained = static_cast<double>(cell.tokens);
  const double evaluated = encoded_tokens();
  const double patched = static_cast<double>(options_.evaluate.ce_tokens);
  // Beside the decoder's forward: gradients of the latents, the decoder and the encoder, all over k latents.
  const double flops = trained * (encoder_flops(cell) + 4 * decoder_flops(cell)) +
                       evaluated * (encoder_flops(cell) + decoder_flops(cell)) +
                       patched * (encoder_flops(cell) + decoder_flops(cell) + rest_flops(cell));
  const double bytes = (trained + evaluated + patched) * kPreActivationBytes * cell.n_latents +
                       trained / options_.train.batch_tokens * kAdamBytes * n_parameters(cell);
  return flops / flops_ + bytes / bytes_;
}

uint64_t CostModel::buffer_bytes(std::span<const Cell* const> cells) const {
  std::map<model::Hookpoint, int64_t> widths;
  for (const auto* cell : cells) {
    if (!cell->is_loaded()) widths[cell->hookpoint] = cell->d_in;
  }
  double bytes = 0;
  for (const auto& [hookpoint, width] : widths) bytes += 2.0 * options_.train.buffer_tokens * width;
  return static_cast<uint64_t>(std::min(bytes, 1e18));
}

uint64_t CostModel::memory_bytes(std::span<const Cell* const> cells) const {
  const auto& config = configs_.at(cells.front()->model_path);
  const double batch =
      static_cast<double>(cells.front()->is_loaded() ? options_.model.forward_tokens : options_.train.batch_tokens);
  std::set<model::Hookpoint> hookpoints;
  double saes = 0, step = 0;
  for (const auto* cell : cells) {
    hookpoints.insert(cell->hookpoint);
    saes += parameter_bytes(*cell, options_.train) * n_parameters(*cell);
    step = std::max(step, step_bytes(*cell, options_.train, batch));
  }
  const double weights = n_parameters(config) * (options_.model.dtype == "float32" ? 4 : 2);
  const double activations = 4 * batch * config.d_model * hookpoints.size();
  const double logits = 4.0 * options_.text.context_length * config.vocab_size;
  return static_cast<uint64_t>(weights + saes + activations + step + logits) + buffer_bytes(cells);
}

}  // namespace saesweep::sweep
