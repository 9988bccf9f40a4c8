#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "train/optimizer_step.h"
#include "train/recipe.h"

namespace saesweep::train {

//! The optimizer's memory of one parameter tensor, of its shape, float32 or bfloat16. Adam: first and second moments.
//! Signum: the point that the signs move (z); `second` is undefined. The parameter itself then is the point at which
//! gradients are taken (y).
struct OptimizerState {
  at::Tensor first;
  at::Tensor second;

  OptimizerState() = default;
  //! The state before the first step.
  OptimizerState(const Recipe& recipe, const at::Tensor& parameter);
};

//! Updates n values of a parameter, from place `offset` of its tensor, whose state is given: a float32 state in place,
//! a bfloat16 one rounded up or down at random, with the expectation unchanged: small changes of the second moment
//! would be lost otherwise.
void update(const OptimizerStep& step, OptimizerState& state, int64_t offset, int64_t n, const float* gradient,
            float* parameter);

//! What training ends with: signum's average (x) in place of the parameter; with Adam nothing changes.
void finish(Optimizer optimizer, const OptimizerState& state, at::Tensor& parameter);

}  // namespace saesweep::train
