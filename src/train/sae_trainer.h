#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "sae/options.h"
#include "sae/topk_sae.h"
#include "train/options.h"
#include "train/sparse_step.h"

namespace saesweep::train {

//! What one step tells of itself.
struct StepReport {
  //! From 0.
  int64_t step = 0;
  double learning_rate = 0;
  //! Fraction of variance unexplained on the batch, before its update.
  double loss = 0;
  //! Active latents a token.
  double l0 = 0;
  //! Share of latents without an activation above 0 in the last TrainOptions::dead_after_tokens tokens.
  double dead_fraction = 0;
};

//! Trains one SAE by recipe "sparsify" under Adam (docs/design.md): b_dec = mean of the first batch, loss FVU, the
//! decoder's gradient freed of its part along each row, unit rows after every step. Depends on the batches and the
//! options alone. Not thread-safe.
class SaeTrainer {
 public:
  SaeTrainer(int64_t d_in, const sae::SaeOptions& sae, const TrainOptions& train, int64_t seed);

  //! Whole batches that fit into the token budget.
  int64_t n_steps() const { return n_steps_; }
  int64_t steps_done() const { return steps_done_; }

  //! x: [batch_tokens, d_in] float32, contiguous. Throws NumericError with step, loss and learning rate where the
  //! loss is not finite; the SAE is then of no use.
  StepReport step(const at::Tensor& x);

  const sae::TopKSae& sae() const { return sae_; }

 private:
  void count_firings(const sae::Codes& codes);
  double dead_fraction() const;

  TrainOptions options_;
  int64_t n_steps_;
  double peak_learning_rate_;
  sae::TopKSae sae_;
  SaeMoments moments_;
  LatentIndex index_;
  std::vector<int64_t> tokens_since_fired_;
  int64_t steps_done_ = 0;
};

}  // namespace saesweep::train
