#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <utility>

namespace saesweep::model {

//! Cosines and sines of rotary positions (Su et al. 2021), each float32 [context, d_rotary / 2]: the angle of
//! position p and pair i is p / base^(2 i / d_rotary) / scale.
std::pair<at::Tensor, at::Tensor> rotary_tables(int64_t context, int64_t d_rotary, double base, double scale = 1.0);

//! Turns queries and keys in place. qkv, [rows, context, heads, 3 d_head], holds each head's query, key and value;
//! of a query or key the first d_rotary dimensions are turned, dimension i with i + d_rotary / 2.
//! cos, sin: rotary_tables of at least context positions. Computed in float32 and rounded once.
void rotate(const at::Tensor& qkv, const at::Tensor& cos, const at::Tensor& sin);

//! Causal softmax attention, scale 1 / sqrt(d_head), of qkv as above: [rows, context, heads * d_head].
at::Tensor causal_attention(const at::Tensor& qkv);

}  // namespace saesweep::model
