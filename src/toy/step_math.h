#pragma once

#include <cstdint>

namespace saesweep::toy {

//! Vectorized loops between the products of a step.

//! values [rows, n] = max(0, values + bias); returns their sum.
double add_bias_and_rectify(int64_t rows, int64_t n, const float* bias, float* values);

//! gradient [rows, n] = code > 0 ? gradient + penalty : 0, and its sums over rows, [n].
void back_through_relu(int64_t rows, int64_t n, float penalty, const float* codes, float* gradient, float* sums);

//! row -= (row . unit) unit, over d elements.
void subtract_projection(const double* unit, int64_t d, double* row);

//! row /= |row|.
void scale_to_unit(int64_t d, double* row);

}  // namespace saesweep::toy
