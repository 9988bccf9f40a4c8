#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "toy/batch_math.h"
#include "toy/dataset.h"
#include "toy/sae_training.h"
#include "toy/start.h"

namespace saesweep::toy {

//! An SAE of a batch. data and parameters lie on one device.
struct BatchMember {
  const Standardized* data = nullptr;
  TrainingSettings settings;
  Parameters* parameters = nullptr;
};

//! Trains SAEs of equal shapes, with equal TrainingOptions and equally many samples, as one: batched products on any
//! device, for CUDA, and `math` between them (null: the fastest there is); otherwise as toy/sae_training.h, but for
//! rounding. Members that view the same data and have the same seed share its batches. The parameters are moved in
//! place. A report each, whose seconds are the batch's divided by its members; a loss that is not finite stands there
//! for the caller to refuse. What products take is not known (0).
std::vector<TrainingReport> train_batch(std::span<const BatchMember> members, const std::function<bool()>& is_stopped,
                                        const BatchMath* math = nullptr);

//! Bytes that one SAE of a batch takes on its device, at most; its samples, which those of its seed share, not counted.
uint64_t batch_bytes(const TrainingOptions& options, int64_t n_samples, int64_t d_in, int64_t n_latents);

//! Bytes that samples take on a device, with their means, deviations and order.
uint64_t samples_bytes(int64_t n_samples, int64_t d_in);

}  // namespace saesweep::toy
