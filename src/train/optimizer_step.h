#pragma once

#include <cstdint>

#include "train/recipe.h"

namespace saesweep::train {

//! Numbers of one step that all parameters share. Adam (Kingma & Ba 2015, arXiv:1412.6980) with torch's betas, no
//! weight decay; or signum: sign descent (Bernstein et al. 2018, arXiv:1802.04434) under schedule-free averaging with
//! momentum 0.95 (Defazio et al. 2024, arXiv:2405.15682), as sparsify runs it.
struct OptimizerStep {
  Optimizer optimizer = Optimizer::kAdam;
  //! Adam: learning rate / (1 - beta1^t).
  float step_size = 0;
  //! Adam: 1 / sqrt(1 - beta2^t).
  float inverse_bias2 = 0;
  float epsilon = 0;
  //! Signum: learning rate, and the share of the newest point in the average.
  float learning_rate = 0;
  float average_share = 0;
  //! Key of the draws that round a bfloat16 state, another one for each step.
  uint32_t rounding_key = 0;

  static constexpr double kBeta1 = 0.9;
  static constexpr double kBeta2 = 0.999;
  static constexpr double kMomentum = 0.95;
  //! Shares of the way from y through x to z (Defazio et al. 2024): x = y + kBack (z - y), y = x + kForth (z - x).
  static constexpr double kBack = 1.0 - 1.0 / kMomentum;
  static constexpr double kForth = 1.0 - kMomentum;

  //! Adam's step t, counted from 1.
  static OptimizerStep adam(int64_t t, double learning_rate, double epsilon);
  //! Signum's step t. weight_sum: the sum of squares, over the steps up to this one, of the largest rate until then.
  static OptimizerStep signum(int64_t t, double learning_rate, double largest_rate, double weight_sum);
};

}  // namespace saesweep::train
