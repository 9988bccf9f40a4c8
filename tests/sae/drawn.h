#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <string>

#include "base/random.h"
#include "sae/topk_sae.h"

namespace saesweep::test {

//! Standard normal numbers, float32, keyed by name.
inline at::Tensor drawn(const std::string& name, at::IntArrayRef shape) {
  const Stream stream{std::string("test"), name};
  at::Tensor tensor = at::empty(shape, at::kFloat);
  for (int64_t i = 0; i < tensor.numel(); ++i) {
    tensor.mutable_data_ptr<float>()[i] = static_cast<float>(stream.normal(static_cast<uint64_t>(i)));
  }
  return tensor;
}

//! The same, rounded to eighths: products and sums of a few hundred of them are exact in float32, so that any order
//! of summation gives the same bits.
inline at::Tensor drawn_eighths(const std::string& name, at::IntArrayRef shape) {
  return (drawn(name, shape) * 8).round() / 8;
}

//! An SAE of drawn eighths, whose biases are not 0.
inline sae::TopKSae drawn_sae(int64_t d_in, int64_t n_latents, int64_t k) {
  return {{drawn_eighths("W_enc", {n_latents, d_in}), drawn_eighths("b_enc", {n_latents}),
           drawn_eighths("W_dec", {n_latents, d_in}), drawn_eighths("b_dec", {d_in})},
          k};
}

}  // namespace saesweep::test
