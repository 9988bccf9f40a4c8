#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include "train/optimizer_step.h"

// Compiled for CUDA devices, too. Square roots: the compiler's own, which vectorizes, or CUDA's.
#if defined(__CUDACC__)
#define SAESWEEP_HOST_DEVICE __host__ __device__
#define SAESWEEP_SQRT sqrtf
#else
#define SAESWEEP_HOST_DEVICE
#define SAESWEEP_SQRT __builtin_sqrtf
#endif

namespace saesweep::train {

//! One value's update, for the loops over many.

constexpr auto kOneLessBeta1 = static_cast<float>(1.0 - OptimizerStep::kBeta1);
constexpr auto kBeta2 = static_cast<float>(OptimizerStep::kBeta2);
constexpr auto kOneLessBeta2 = static_cast<float>(1.0 - OptimizerStep::kBeta2);
constexpr auto kBack = static_cast<float>(OptimizerStep::kBack);
constexpr auto kForth = static_cast<float>(OptimizerStep::kForth);

//! 32 bits that depend on key and place alone (the finalizer of MurmurHash3 over a multiplicative mix).
SAESWEEP_HOST_DEVICE inline uint32_t scrambled(uint32_t key, uint32_t place) {
  uint32_t bits = place * 0x9E3779B9U ^ key;
  bits = (bits ^ (bits >> 16)) * 0x85EBCA6BU;
  bits = (bits ^ (bits >> 13)) * 0xC2B2AE35U;
  return bits ^ (bits >> 16);
}

SAESWEEP_HOST_DEVICE inline float widened(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

//! Rounded to bfloat16, upwards with the probability of what is cut off. noise: 16 uniform bits.
SAESWEEP_HOST_DEVICE inline uint16_t rounded(float value, uint32_t noise) {
  return static_cast<uint16_t>((std::bit_cast<uint32_t>(value) + noise) >> 16);
}

//! One value of Adam; moves first and second.
SAESWEEP_HOST_DEVICE inline float adam(const OptimizerStep& step, float gradient, float parameter, float& first,
                                       float& second) {
  first = first + kOneLessBeta1 * (gradient - first);
  second = kBeta2 * second + kOneLessBeta2 * gradient * gradient;
  return parameter - step.step_size * first / (SAESWEEP_SQRT(second) * step.inverse_bias2 + step.epsilon);
}

//! One value of signum; moves z and returns the new y.
SAESWEEP_HOST_DEVICE inline float signum(const OptimizerStep& step, float gradient, float y, float& z) {
  float x = y + kBack * (z - y);
  z -= step.learning_rate * (static_cast<float>(gradient > 0) - static_cast<float>(gradient < 0));
  x += step.average_share * (z - x);
  return x + kForth * (z - x);
}

}  // namespace saesweep::train
