#include "train/schedule.h"

#include <algorithm>
#include <cmath>

namespace saesweep::train {

double linear_schedule(int64_t step, int64_t warmup_steps, int64_t n_steps) {
  if (step < warmup_steps) return static_cast<double>(step) / static_cast<double>(warmup_steps);
  return static_cast<double>(std::max<int64_t>(0, n_steps - step)) /
         static_cast<double>(std::max<int64_t>(1, n_steps - warmup_steps));
}

double adam_learning_rate(int64_t n_latents) {
  return 2e-4 / std::sqrt(static_cast<double>(n_latents) / (1 << 14));
}

double signum_learning_rate(int64_t n_latents) {
  return 5e-3 / std::sqrt(static_cast<double>(n_latents) / (1 << 14));
}

}  // namespace saesweep::train
