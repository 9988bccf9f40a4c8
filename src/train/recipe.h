#pragma once

#include <cstdint>

#include "sae/tile_kernel.h"
#include "train/options.h"

namespace saesweep::train {

enum class Optimizer { kAdam, kSignum };

//! What the auxiliary loss of dead latents is measured in.
enum class AuxKNorm {
  kVariance,  //!< the batch's variance, scaled down where few latents are dead (sparsify)
  kResidual   //!< the variance of the residual that is to be reconstructed (Gao et al. 2024, their published code)
};

//! TrainOptions with every choice made for an SAE of n_latents.
//!   sparsify: EleutherAI/sparsify 1.3; Adam at 2e-4 / sqrt(latents / 2^14) with 1,000 steps of warm-up and linear
//!   decay,
//!     or signum at 5e-3 / sqrt(latents / 2^14) without; b_dec = mean.
//!   heap2025: ThomasHeap/sae; as sparsify's Adam, but b_dec = geometric median, gradient norm at most 1, 8 parts a
//!   step. gao: Gao et al. 2024 (arXiv:2406.04093); Adam with epsilon 6.25e-10 at a constant rate, AuxK with alpha
//!   1/32,
//!     b_dec = geometric median, gradient norm at most 1.
struct Recipe {
  Optimizer optimizer = Optimizer::kAdam;
  double learning_rate = 0;
  double adam_epsilon = 1e-8;
  int64_t warmup_steps = 0;
  bool decays = true;
  //! Steps over which the rate decays to zero. Sparsify counts parts of batches here where it takes its steps in whole
  //! batches, so that with several parts the rate ends above zero: 1 - 1 / parts of the peak.
  int64_t decay_steps = 0;
  int64_t n_parts = 1;
  double gradient_clip = 0;
  double auxk_alpha = 0;
  AuxKNorm auxk_norm = AuxKNorm::kVariance;
  bool multi_topk = false;
  bool starts_from_median = false;
  sae::Precision precision = sae::Precision::kFloat32;
  bool has_bfloat16_state = false;

  //! Learning rate of a step, from 0.
  double rate_at(int64_t step) const;
};

//! Throws InputError for names that are not known and for parts that do not divide a batch.
Recipe make_recipe(const TrainOptions& options, int64_t n_latents);

}  // namespace saesweep::train
