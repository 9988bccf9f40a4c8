#pragma once

#include <cstdint>

namespace saesweep::train {

//! Factor of the peak learning rate at a step (from 0): linear warm-up from 0 over warmup_steps, then linear decay
//! to 0 at n_steps. As transformers' get_linear_schedule_with_warmup, which sparsify uses.
double linear_schedule(int64_t step, int64_t warmup_steps, int64_t n_steps);

//! Peak learning rate for Adam: 2e-4 / sqrt(n_latents / 2^14) (sparsify, after Gao et al. 2024, figure 3).
double adam_learning_rate(int64_t n_latents);

//! Sparsify's learning rate for signum: 5e-3 / sqrt(n_latents / 2^14).
double signum_learning_rate(int64_t n_latents);

}  // namespace saesweep::train
