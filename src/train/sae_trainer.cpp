#include "train/sae_trainer.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "base/errors.h"
#include "train/batch_moments.h"

namespace saesweep::train {

namespace {

//! jumprelu's thresholds at the start, and the band about them, in units of the activations' spread (SAELens 6's
//! defaults for activations of unit spread).
constexpr double kFirstThreshold = 0.01;
constexpr double kBandwidth = 0.05;
//! Share of the newest batch in batch_topk's threshold; more in short runs, so that a tenth of the steps tell it.
constexpr double kThresholdShare = 0.01;
constexpr double kThresholdSteps = 0.1;
//! Variance unexplained beyond which nothing is learnt any more; an SAE that gives the mean has 1.
constexpr double kDiverged = 1e6;

sae::Sae first_sae(int64_t d_in, const sae::SaeOptions& options, int64_t seed, at::Device device) {
  return {options.architecture, takes_k(options.architecture) ? options.k : 0,
          sae::initial_parameters(d_in, options, seed).to(device), options.matryoshka_sizes(d_in)};
}

}  // namespace

SaeTrainer::SaeTrainer(int64_t d_in, const sae::SaeOptions& sae, const TrainOptions& train, int64_t seed,
                       at::Device device, const Backend* backend)
    : SaeTrainer(first_sae(d_in, sae, seed, device), sae, train, FirstBDec::kByRecipe, backend) {}

SaeTrainer::SaeTrainer(sae::Sae start, const sae::SaeOptions& sae, const TrainOptions& train, FirstBDec b_dec,
                       const Backend* backend)
    : options_(train),
      penalty_(sae.penalty),
      recipe_(make_recipe(train, start.parameters.n_latents())),
      n_steps_(train.tokens / train.batch_tokens),
      sae_(std::move(start)),
      backend_(backend != nullptr ? backend : &backend_of(sae_.parameters.W_enc.device())),
      is_started_(b_dec == FirstBDec::kGiven),
      tokens_since_fired_(static_cast<size_t>(sae_.parameters.n_latents()), 0),
      fired_(tokens_since_fired_.size(), 0),
      is_dead_(tokens_since_fired_.size(), 0) {}

StepReport SaeTrainer::step(const at::Tensor& x) {
  const double learning_rate = recipe_.rate_at(steps_done_);
  const int64_t part_tokens = x.size(0) / recipe_.n_parts;
  StepReport report{.step = steps_done_, .learning_rate = learning_rate};
  std::vector<Part> parts;
  std::vector<float> d_threshold;
  int64_t n_active = 0;
  for (int64_t part = 0; part < recipe_.n_parts; ++part) {
    BatchLoss loss = loss_of(x.narrow(0, part * part_tokens, part_tokens), learning_rate);
    report.loss += loss.loss / static_cast<double>(recipe_.n_parts);
    report.fvu += loss.fvu / static_cast<double>(recipe_.n_parts);
    n_active += loss.codes.n_entries();
    backend_->mark_fired(loss.codes, fired_);
    if (has_common_threshold(sae_.architecture)) follow_threshold(loss.codes);
    std::move(loss.parts.begin(), loss.parts.end(), std::back_inserter(parts));
    if (d_threshold.empty()) d_threshold.resize(loss.d_threshold.size(), 0.0F);
    for (size_t i = 0; i < d_threshold.size(); ++i) d_threshold[i] += loss.d_threshold[i];
    if (recipe_.gradient_clip > 0) clip(parts, d_threshold);
  }
  update(parts, d_threshold, learning_rate);
  if (steps_done_ + 1 == n_steps_) {
    // What the last update has made of it is seen by no further step.
    loss_of(x.narrow(0, 0, part_tokens), learning_rate);
    state_ = {};
  }
  report.l0 = static_cast<double>(n_active) / static_cast<double>(x.size(0));
  report.dead_fraction = count_dead(x.size(0));
  ++steps_done_;
  return report;
}

void SaeTrainer::start_from(const at::Tensor& x, const std::vector<double>& mean) {
  const std::vector<double> center = recipe_.starts_from_median ? backend_->geometric_median(x) : mean;
  sae_.parameters.b_dec.copy_(at::tensor(center, at::kDouble));
  if (sae_.architecture == sae::Architecture::kJumpRelu) {
    sae_.parameters.threshold.fill_(static_cast<float>(kFirstThreshold * spread_));
  }
}

BatchLoss SaeTrainer::loss_of(const at::Tensor& x, double learning_rate) {
  const BatchMoments batch = backend_->moments_of(x);
  const auto where = [&] { return fmt::format("at step {}, learning rate {:.3g}", steps_done_, learning_rate); };
  if (batch.total_variance == 0) {
    throw NumericError(fmt::format("the activations of a batch are all equal, so no loss can be taken, {}", where()));
  }
  if (!state_.W_enc.first.defined()) {
    spread_ = std::sqrt(batch.total_variance / static_cast<double>(x.numel()));
    if (!std::exchange(is_started_, true)) start_from(x, batch.mean);
    state_ = SaeState(recipe_, sae_.parameters);
  }
  BatchLoss loss = batch_loss(sae_, x, batch.total_variance,
                              {.recipe = recipe_,
                               .backend = *backend_,
                               .penalty = penalty_,
                               .bandwidth = kBandwidth * spread_,
                               .is_dead = is_dead_,
                               .share = 1.0 / static_cast<double>(recipe_.n_parts)});
  if (!std::isfinite(loss.loss) || loss.fvu > kDiverged) {
    throw NumericError(fmt::format("training diverged: loss {} {}", loss.loss, where()));
  }
  for (Part& part : loss.parts) backend_->turn_round(part, sae_.parameters.n_latents());
  return loss;
}

//! The gradient so far, of this part of the step and those before it, as ThomasHeap/sae clips it.
void SaeTrainer::clip(std::vector<Part>& parts, std::vector<float>& d_threshold) const {
  const double norm = backend_->gradient_norm(sae_, parts, d_threshold);
  if (norm <= recipe_.gradient_clip) return;
  const auto factor = static_cast<float>(recipe_.gradient_clip / (norm + 1e-6));
  for (Part& part : parts) part.scale *= factor;
  for (float& gradient : d_threshold) gradient *= factor;
}

//! The mean over batches of the smallest active value (Bussmann et al. 2024), the newest weighing most.
void SaeTrainer::follow_threshold(const sae::Codes& codes) {
  if (codes.n_entries() == 0) return;
  const auto least = codes.values.min().item<float>();
  const auto before = sae_.parameters.threshold.item<float>();
  const double share = std::max(kThresholdShare, std::min(1.0, 1 / (kThresholdSteps * static_cast<double>(n_steps_))));
  sae_.parameters.threshold.fill_(before == 0 ? least : (1 - share) * before + share * least);
}

OptimizerStep SaeTrainer::optimizer_step(double learning_rate) {
  if (recipe_.optimizer == Optimizer::kAdam) {
    return OptimizerStep::adam(steps_done_ + 1, learning_rate, recipe_.adam_epsilon);
  }
  largest_rate_ = std::max(largest_rate_, learning_rate);
  rate_square_sum_ += largest_rate_ * largest_rate_;
  return OptimizerStep::signum(steps_done_ + 1, learning_rate, largest_rate_, rate_square_sum_);
}

void SaeTrainer::update(std::span<const Part> parts, std::span<const float> d_threshold, double learning_rate) {
  OptimizerStep step = optimizer_step(learning_rate);
  const bool is_last = steps_done_ + 1 == n_steps_;
  // Signum ends with an average, which sparsify takes of rows as the last step leaves them.
  const bool normalizes = recipe_.optimizer == Optimizer::kAdam || !is_last;
  backend_->update_parameters(sae_, state_, step, parts, normalizes);
  sae::Parameters& p = sae_.parameters;
  if (!d_threshold.empty()) {
    // Rajamanoharan et al. 2024 train on activations of unit mean squared norm: a step is a share of that norm.
    const auto norm = static_cast<float>(spread_ * std::sqrt(static_cast<double>(p.d_in())));
    step.step_size *= norm;
    step.learning_rate *= norm;
    backend_->update_vector(step, state_.threshold, d_threshold, p.threshold);
    p.threshold.clamp_min_(0);
    if (recipe_.optimizer == Optimizer::kSignum) state_.threshold.first.clamp_min_(0);
  }
  if (!is_last) return;
  finish(recipe_.optimizer, state_.W_enc, p.W_enc);
  finish(recipe_.optimizer, state_.b_enc, p.b_enc);
  finish(recipe_.optimizer, state_.W_dec, p.W_dec);
  finish(recipe_.optimizer, state_.b_dec, p.b_dec);
  if (!d_threshold.empty()) finish(recipe_.optimizer, state_.threshold, p.threshold);
}

model::NamedTensors SaeTrainer::tensors() const {
  const sae::Parameters& p = sae_.parameters;
  model::NamedTensors all;
  const auto add = [&](const std::string& name, const at::Tensor& parameter, const OptimizerState& state) {
    const std::pair<const char*, at::Tensor> parts[] = {
        {"", parameter}, {".first", state.first}, {".second", state.second}};
    for (const auto& [ending, tensor] : parts) {
      if (tensor.defined()) all.emplace_back(name + ending, tensor);
    }
  };
  add("W_enc", p.W_enc, state_.W_enc);
  add("b_enc", p.b_enc, state_.b_enc);
  add("W_dec", p.W_dec, state_.W_dec);
  add("b_dec", p.b_dec, state_.b_dec);
  add("threshold", p.threshold, state_.threshold);
  return all;
}

TrainerState SaeTrainer::state() const {
  TrainerState state{.steps_done = steps_done_, .tensors = tensors()};
  state.tensors.emplace_back("tokens_since_fired", at::tensor(tokens_since_fired_, at::kLong));
  state.numbers = {{"spread", spread_}, {"largest_rate", largest_rate_}, {"rate_square_sum", rate_square_sum_}};
  return state;
}

void SaeTrainer::restore(const TrainerState& state) {
  const auto refuse = [](const std::string& problem) { throw ModelError("checkpoint", problem); };
  if (state.steps_done < 1 || state.steps_done >= n_steps_) {
    refuse(fmt::format("stands after step {}, but training has {}", state.steps_done, n_steps_));
  }
  state_ = SaeState(recipe_, sae_.parameters);
  model::NamedTensors expected = tensors();
  const at::Tensor counters = at::empty({sae_.parameters.n_latents()}, at::kLong);
  expected.emplace_back("tokens_since_fired", counters);
  if (state.tensors.size() != expected.size()) {
    refuse(fmt::format("has {} tensors, expected {}", state.tensors.size(), expected.size()));
  }
  for (auto& [name, tensor] : expected) {
    const auto found = std::ranges::find(state.tensors, name, [](const auto& one) { return one.first; });
    if (found == state.tensors.end()) refuse(fmt::format("lacks the tensor {}", name));
    const at::Tensor& given = found->second;
    if (given.sizes() != tensor.sizes() || given.scalar_type() != tensor.scalar_type()) {
      refuse(fmt::format("tensor {}: found {} {}, expected {} {}", name, c10::toString(given.scalar_type()),
                         model::shape_text(given.sizes()), c10::toString(tensor.scalar_type()),
                         model::shape_text(tensor.sizes())));
    }
    tensor.copy_(given);
  }
  const int64_t* tokens = counters.const_data_ptr<int64_t>();
  tokens_since_fired_.assign(tokens, tokens + counters.numel());
  mark_dead();
  spread_ = state.numbers.at("spread");
  largest_rate_ = state.numbers.at("largest_rate");
  rate_square_sum_ = state.numbers.at("rate_square_sum");
  is_started_ = true;
  steps_done_ = state.steps_done;
}

void SaeTrainer::mark_dead() {
  for (size_t latent = 0; latent < is_dead_.size(); ++latent) {
    is_dead_[latent] = tokens_since_fired_[latent] >= options_.dead_after_tokens ? 1 : 0;
  }
}

double SaeTrainer::count_dead(int64_t n_tokens) {
  for (size_t latent = 0; latent < fired_.size(); ++latent) {
    tokens_since_fired_[latent] = fired_[latent] != 0 ? 0 : tokens_since_fired_[latent] + n_tokens;
  }
  std::fill(fired_.begin(), fired_.end(), 0);
  mark_dead();
  const auto n_dead = std::count(is_dead_.begin(), is_dead_.end(), 1);
  return static_cast<double>(n_dead) / static_cast<double>(is_dead_.size());
}

}  // namespace saesweep::train
