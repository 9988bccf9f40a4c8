#pragma once

#include <ATen/core/Tensor.h>

#include "sae/sae.h"
#include "sae/training_codes.h"

namespace saesweep::sae::tensors {

//! sae/sae.h and sae/training_codes.h by ATen's operations, on any device: the pre-activations are taken in tiles
//! (sae/tensor_product.h), each of which is reduced to candidates at once. The same entries are kept, in the same
//! order, among equal values, too; values differ by the rounding of sums.
at::Tensor center(const Sae& sae, const at::Tensor& x);
Codes encode_centered(const Sae& sae, const at::Tensor& centered, Precision precision = Precision::kFloat32);
at::Tensor decode(const Sae& sae, const Codes& codes);
TrainingCodes training_codes(const Sae& sae, const at::Tensor& centered, const TrainingWants& wants);

//! The token of each entry, int64 [entries].
at::Tensor tokens_of(const Codes& codes);
//! Those entries at which keep, bool [entries], is true.
Codes filtered(const Codes& codes, const at::Tensor& keep);
//! [bags, d]: sums of weights[i] * rows[places[i]] over i from starts[bag] to starts[bag + 1]; without weights these
//! are 1. In the order of i, so that the bits are the same in every run.
at::Tensor bag_sums(const at::Tensor& rows, const at::Tensor& places, const at::Tensor& starts,
                    const at::Tensor& weights = {});

}  // namespace saesweep::sae::tensors
