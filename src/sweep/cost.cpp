#include "sweep/cost.h"

#include <algorithm>

#include "sweep/memory_need.h"

namespace saesweep::sweep {
namespace {

// Adam reads and writes a weight and two moments; no gradient is stored.
constexpr double kAdamBytes = 24;
// Pre-activations stay in the cache; writing them there and choosing k of them takes about as long as this much
// memory traffic.
constexpr double kPreActivationBytes = 12;
// Of relu and jumprelu about this share of the latents is active in the end.
constexpr double kActiveShare = 0.1;

double encoder_flops(const Cell& cell) {
  return 2.0 * cell.d_in * cell.n_latents;
}
double decoder_flops(const Cell& cell) {
  return 2.0 * cell.d_in * active_latents(cell, kActiveShare);
}

}  // namespace

StageSeconds& StageSeconds::operator+=(const StageSeconds& other) {
  train += other.train;
  evaluate += other.evaluate;
  harvest += other.harvest;
  return *this;
}

StageSeconds StageSeconds::times(const StageFactors& factors) const {
  return {train * factors.train, evaluate * factors.evaluate, harvest * factors.harvest};
}

Speeds speeds_of(CoreSpeed core, int64_t threads) {
  const double flops = core.flops * static_cast<double>(threads);
  return {.forward_flops = flops,
          .train_flops = flops,
          .evaluate_flops = flops,
          .sparse_flops = flops,
          .bytes = core.bytes};
}

CostModel::CostModel(const SweepOptions& options, const ResolvedInputs& inputs, CoreSpeed core)
    : CostModel(options, inputs, speeds_of(core, options.run.threads)) {
  core_ = core;
}

CostModel::CostModel(const SweepOptions& options, const ResolvedInputs& inputs, const Speeds& speeds)
    : options_(options), speeds_(speeds) {
  for (const auto& [path, model] : inputs.models) configs_.emplace(path, model.config);
}

CostModel CostModel::with_factors(const StageFactors& factors) const {
  CostModel model = *this;
  model.factors_ = factors;
  return model;
}

CostModel CostModel::for_division() const {
  CostModel model = with_factors({});
  model.speeds_ = speeds_of(core_, 1);
  return model;
}

double CostModel::zeroing_seconds(const Cell& cell) const {
  return options_.evaluate.ce_tokens * rest_flops(cell) / speeds_.forward_flops * factors_.evaluate;
}

double CostModel::blocks_flops(const model::GptNeoxConfig& config, int64_t n_blocks) const {
  const double d = config.d_model;
  const double products = 2 * (4 * d * d + 2 * d * config.d_mlp);
  const double attention = 4.0 * options_.text.context_length * d;
  return n_blocks * (products + attention);
}

double CostModel::rest_flops(const Cell& cell) const {
  const auto& config = config_of(cell);
  const int64_t n_blocks = config.n_layers - 1 - cell.hookpoint.layer;
  return blocks_flops(config, n_blocks) + 2.0 * config.d_model * config.vocab_size;
}

//! Most SAEs' text is read once.
double CostModel::harvest_tokens() const {
  return options_.autointerp.is_wanted ? static_cast<double>(options_.autointerp.harvest_tokens) : 0;
}

StageSeconds CostModel::shared(std::span<const Cell* const> cells) const {
  const auto& config = config_of(*cells.front());
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
    if (const auto [place, is_new] = zeroed.try_emplace(cell->hookpoint); is_new) place->second = rest_flops(*cell);
  }
  const double forward = blocks_flops(config, last_layer + 1) / speeds_.forward_flops;
  double patched = blocks_flops(config, config.n_layers) + 2.0 * config.d_model * config.vocab_size;
  for (const auto& [hookpoint, flops] : zeroed) patched += flops;
  // The metrics are taken on held-out text and on as much training text.
  const StageSeconds counted{.train = static_cast<double>(tokens) * forward,
                             .evaluate = static_cast<double>(2 * options_.evaluate.tokens) * forward +
                                         options_.evaluate.ce_tokens * patched / speeds_.forward_flops,
                             .harvest = harvest_tokens() * forward};
  return counted.times(factors_);
}

StageSeconds CostModel::own(const Cell& cell) const {
  const double encoder = encoder_flops(cell);
  const double decoder = decoder_flops(cell);
  const double choice = kPreActivationBytes * static_cast<double>(cell.n_latents) / speeds_.bytes;
  const double encoded = encoder / speeds_.evaluate_flops + decoder / speeds_.sparse_flops + choice;
  // Beside the decoder's forward: gradients of the latents, the decoder and the encoder, all over k latents.
  const double trained = encoder / speeds_.train_flops + 4 * decoder / speeds_.sparse_flops + choice +
                         kAdamBytes * n_parameters(cell) / options_.train.batch_tokens / speeds_.bytes;
  const StageSeconds counted{.train = static_cast<double>(cell.tokens) * trained,
                             .evaluate = static_cast<double>(2 * options_.evaluate.tokens) * encoded +
                                         static_cast<double>(options_.evaluate.ce_tokens) *
                                             (encoded + rest_flops(cell) / speeds_.forward_flops),
                             .harvest = harvest_tokens() * encoded};
  return counted.times(factors_);
}

StageSeconds CostModel::stages(std::span<const Cell* const> cells) const {
  StageSeconds seconds = shared(cells);
  for (const Cell* cell : cells) seconds += own(*cell);
  return seconds;
}

uint64_t CostModel::memory_bytes(std::span<const Cell* const> cells) const {
  MemoryNeed need(*this);
  for (const Cell* cell : cells) need.add(*cell);
  return need.bytes();
}

uint64_t CostModel::buffer_bytes(std::span<const Cell* const> cells) const {
  MemoryNeed need(*this);
  for (const Cell* cell : cells) need.add(*cell);
  return need.buffer_bytes();
}

}  // namespace saesweep::sweep
