#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "train/optimizer.h"

namespace saesweep::train::tensors {

//! train/optimizer.h by ATen's operations, on any device: updates rows `first` and on of a parameter, as many as
//! gradient has, float32, [rows] or [rows, d]. The same but for the rounding of float32; a bfloat16 state is rounded
//! by the same draws.
void update_rows(const OptimizerStep& step, OptimizerState& state, int64_t first, const at::Tensor& gradient,
                 at::Tensor& parameter);

}  // namespace saesweep::train::tensors
