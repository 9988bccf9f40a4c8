#pragma once

#include <ATen/ATen.h>

#include <limits>

#include "sae/drawn.h"

namespace saesweep::test {

//! What each architecture keeps of pre-activations, [tokens, latents], written densely with stable sorts, as a mask of
//! the same shape. Of equal ones the earlier is kept; NaN never is.

//! The n largest above 0 of each row.
inline at::Tensor largest_of_rows(const at::Tensor& pre, int64_t n) {
  const at::Tensor known = at::where(pre.isnan(), -std::numeric_limits<double>::infinity(), pre.to(at::kDouble));
  const auto [sorted, order] = known.sort(/*stable=*/true, /*dim=*/1, /*descending=*/true);
  const at::Tensor chosen = at::zeros(pre.sizes(), at::kBool);
  return chosen.scatter(1, order.narrow(1, 0, std::min(n, pre.size(1))), true).logical_and(known.gt(0));
}

//! The n * tokens largest above 0 of all.
inline at::Tensor largest_of_batch(const at::Tensor& pre, int64_t n) {
  return largest_of_rows(pre.reshape({1, -1}), n * pre.size(0)).reshape(pre.sizes());
}

//! The largest above 0 of each of n groups of neighbours in each row.
inline at::Tensor largest_of_groups(const at::Tensor& pre, int64_t n) {
  return largest_of_rows(pre.reshape({pre.size(0) * n, -1}), 1).reshape(pre.sizes());
}

//! W_enc (x - b_dec) + b_enc in float64.
inline at::Tensor dense_pre(const sae::Sae& sae, const at::Tensor& x) {
  const sae::Parameters& p = sae.parameters;
  return (x.to(at::kDouble) - p.b_dec).mm(p.W_enc.to(at::kDouble).t()) + p.b_enc;
}

//! What a trained SAE keeps of each token by itself.
inline at::Tensor dense_active(const sae::Sae& sae, const at::Tensor& pre) {
  switch (sae.architecture) {
    case sae::Architecture::kTopK:
      return largest_of_rows(pre, sae.k);
    case sae::Architecture::kGroupMax:
      return largest_of_groups(pre, sae.k);
    case sae::Architecture::kRelu:
      return pre.gt(0);
    case sae::Architecture::kJumpRelu:
    case sae::Architecture::kBatchTopK:
    case sae::Architecture::kMatryoshka:
      return pre.gt(sae.parameters.threshold);
  }
  return {};
}

//! What is kept in training: of batch_topk and matryoshka the largest of the whole batch.
inline at::Tensor dense_active_in_training(const sae::Sae& sae, const at::Tensor& pre) {
  return has_common_threshold(sae.architecture) ? largest_of_batch(pre, sae.k) : dense_active(sae, pre);
}

}  // namespace saesweep::test
