#pragma once

#include <cstdint>

#include "train/optimizer_step.h"

namespace saesweep::toy::cuda {

// The functions of toy/batch_math.h as kernels on the default stream of a device, each with one pass over memory. All
// return at once, and CUDA's error, or null. None adds floats atomically: the same input gives the same bits.

//! Of [n_members, n, width].
struct BatchShape {
  int64_t n_members = 0, n = 0, width = 0;
};
const char* rectify(int device, const BatchShape& shape, const float* b_enc, float* codes, float* sums);
const char* take_error(int device, const BatchShape& shape, const float* x, const float* variance, float* x_hat,
                       float* errors);
const char* back_through_relu(int device, const BatchShape& shape, const float* penalty, const float* codes,
                              float* gradient, float* sums);

//! Of [n_rows, width].
struct RowsShape {
  int64_t n_rows = 0, width = 0;
};
const char* update_rows(int device, const RowsShape& shape, const train::OptimizerStep& step, bool normalizes,
                        const float* gradient, float* parameter, float* first, float* second);

}  // namespace saesweep::toy::cuda
