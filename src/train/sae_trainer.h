#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <limits>
#include <vector>

#include "sae/options.h"
#include "sae/sae.h"
#include "train/backend.h"
#include "train/checkpoint.h"
#include "train/objective.h"
#include "train/options.h"
#include "train/recipe.h"
#include "train/sparse_update.h"

namespace saesweep::train {

//! What one step tells of itself.
struct StepReport {
  //! From 0.
  int64_t step = 0;
  double learning_rate = 0;
  //! All of the loss (train/objective.h) on the batch, before its update; the mean over the parts of a step.
  double loss = 0;
  //! Of that the fraction of variance unexplained.
  double fvu = 0;
  //! Active latents a token.
  double l0 = 0;
  //! Share of latents without an activation above 0 in the last TrainOptions::dead_after_tokens tokens.
  double dead_fraction = 0;
};

//! What b_dec starts from where training starts from an SAE that is given.
enum class FirstBDec {
  kGiven,    //!< that SAE's
  kByRecipe  //!< the first part of the first batch
};

//! Trains one SAE by a recipe (train/recipe.h). b_dec starts from the first part of the first batch; the decoder's
//! gradient is freed of its part along each row, and rows are scaled to unit length after every step. Depends on the
//! batches and the options alone. Not thread-safe.
class SaeTrainer {
 public:
  //! Throws InputError for options that make no recipe.
  //! The SAE is drawn on the host and trained on device, by the backend, or (null) that of the device.
  SaeTrainer(int64_t d_in, const sae::SaeOptions& sae, const TrainOptions& train, int64_t seed,
             at::Device device = at::Device(at::kCPU), const Backend* backend = nullptr);
  //! Goes on from an SAE that is given, where it lies; kByRecipe also sets jumprelu's thresholds anew.
  SaeTrainer(sae::Sae start, const sae::SaeOptions& sae, const TrainOptions& train, FirstBDec b_dec = FirstBDec::kGiven,
             const Backend* backend = nullptr);

  //! Whole batches that fit into the token budget.
  int64_t n_steps() const { return n_steps_; }
  int64_t steps_done() const { return steps_done_; }

  //! x: [batch_tokens, d_in] float32, contiguous, on the SAE's device. Throws NumericError with step, loss and learning
  //! rate where the loss is not finite or has grown beyond all measure; the SAE is then of no use.
  StepReport step(const at::Tensor& x);

  //! All that the next steps depend on beside the batches: between two steps, before the last. The tensors are views.
  TrainerState state() const;
  //! Goes on from there. Throws ModelError naming what does not fit these options; the trainer is then of no use.
  void restore(const TrainerState& state);

  //! Trained as far as steps_done(); under signum the weights are the average only after the last step.
  const sae::Sae& sae() const { return sae_; }

 private:
  void start_from(const at::Tensor& x, const std::vector<double>& mean);
  BatchLoss loss_of(const at::Tensor& x, double learning_rate);
  void clip(std::vector<Part>& parts, std::vector<float>& d_threshold) const;
  void follow_threshold(const sae::Codes& codes);
  void update(std::span<const Part> parts, std::span<const float> d_threshold, double learning_rate);
  OptimizerStep optimizer_step(double learning_rate);
  //! The tensors of the SAE and of the optimizer, by name.
  model::NamedTensors tensors() const;
  void mark_dead();
  //! Counts a step of so many tokens; returns the share of dead latents.
  double count_dead(int64_t n_tokens);

  TrainOptions options_;
  double penalty_;
  Recipe recipe_;
  int64_t n_steps_;
  sae::Sae sae_;
  const Backend* backend_;
  bool is_started_ = false;
  SaeState state_;
  //! Root mean square of the deviation of an activation, by the first batch: jumprelu's thresholds are in its units.
  double spread_ = 1;
  double largest_rate_ = 0, rate_square_sum_ = 0;
  std::vector<int64_t> tokens_since_fired_;
  std::vector<uint8_t> fired_, is_dead_;
  int64_t steps_done_ = 0;
};

}  // namespace saesweep::train
