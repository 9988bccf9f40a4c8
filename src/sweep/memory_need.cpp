#include "sweep/memory_need.h"

#include <algorithm>

#include "autointerp/examples.h"
#include "train/recipe.h"

namespace saesweep::sweep {
namespace {

// Packed tokens and latents of the encoder's product.
constexpr double kPackedBytes = 40 << 20;
// A window that harvest keeps, beside its activations; of each latent, its counts and its state.
constexpr double kWindowBytes = 56;
constexpr double kCountBytes = 48;
// No machine has more; and what is more is a number all the same.
constexpr double kMostBytes = 1e18;

// Memory a parameter: the float32 weight, and what the optimizer remembers: two numbers of Adam, one of signum.
double parameter_bytes(const Cell& cell, const train::TrainOptions& train) {
  if (cell.is_loaded()) return 4;
  const double state = train.optimizer_state == "bfloat16" ? 2 : 4;
  return 4 + state * (train.optimizer == "signum" ? 1 : 2);
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
  // Of relu and jumprelu half of the latents are active at the start.
  double token = row * (1 + (is_nested ? static_cast<double>(cell.sae.matryoshka_fractions.size()) : 1)) +
                 largest_bytes(active_latents(cell, 0.5));
  if (train.multi_topk) token += row + largest_bytes(4.0 * cell.sae.k);
  if (has_auxk) token += 2 * row + largest_bytes(cell.d_in / 2.0);
  return kPackedBytes + batch * token;
}

double n_parameters(const model::GptNeoxConfig& config) {
  const double d = config.d_model;
  return 2.0 * config.vocab_size * d + config.n_layers * (4 * d * d + 2 * d * config.d_mlp);
}

// A latent that is followed: where it fires, and the windows that are kept.
double followed_bytes(const autointerp::AutointerpOptions& scoring) {
  const double windows = static_cast<double>(scoring.harvest_tokens) / scoring.window_tokens;
  const auto n_kept = static_cast<double>(n_windows_wanted(scoring) + n_top_wanted(scoring));
  return windows / 8 + n_kept * (kWindowBytes + 4.0 * scoring.window_tokens);
}

}  // namespace

double active_latents(const Cell& cell, double share) {
  return takes_k(cell.sae.architecture) ? static_cast<double>(cell.sae.k) : share * cell.n_latents;
}

double n_parameters(const Cell& cell) {
  return 2.0 * cell.d_in * cell.n_latents + static_cast<double>(cell.n_latents + cell.d_in);
}

void MemoryNeed::add(const Cell& cell) {
  const SweepOptions& options = cost_->options();
  const auto& config = cost_->config_of(cell);
  const double batch =
      static_cast<double>(cell.is_loaded() ? options.model.forward_tokens : options.train.batch_tokens);
  model_ = n_parameters(config) * (options.model.dtype == "float32" ? 4 : 2) +
           4.0 * options.text.context_length * config.vocab_size;
  saes_ += parameter_bytes(cell, options.train) * n_parameters(cell);
  step_ = std::max(step_, step_bytes(cell, options.train, batch));
  if (hookpoints_.insert(cell.hookpoint).second) {
    activations_ += 4 * batch * config.d_model;
    if (!cell.is_loaded()) buffer_ += 2.0 * options.train.buffer_tokens * cell.d_in;
  }
  if (!options.autointerp.is_wanted || options.run.device == "cuda") return;
  windows_ += windows_bytes(cell);
  found_ += found_bytes(cell);
}

//! Four times as many latents are followed as are wanted, and a few more (evaluate/harvest.cpp).
double MemoryNeed::windows_bytes(const Cell& cell) const {
  const auto& scoring = cost_->options().autointerp;
  const auto n_followed = static_cast<double>(std::min(4 * scoring.latents + 64, cell.n_latents));
  return n_followed * followed_bytes(scoring);
}

double MemoryNeed::found_bytes(const Cell& cell) const {
  const auto& scoring = cost_->options().autointerp;
  return static_cast<double>(std::min(scoring.latents, cell.n_latents)) * followed_bytes(scoring) +
         kCountBytes * static_cast<double>(cell.n_latents);
}

uint64_t MemoryNeed::bytes() const {
  const double windows = std::min(windows_, cost_->options().autointerp.harvest_memory_gb * 1e9);
  const double work = std::max(step_ + static_cast<double>(buffer_bytes()), windows + found_);
  return static_cast<uint64_t>(std::min(model_ + saes_ + activations_ + work, kMostBytes));
}

uint64_t MemoryNeed::buffer_bytes() const {
  return static_cast<uint64_t>(std::min(buffer_, kMostBytes));
}

}  // namespace saesweep::sweep
