#pragma once

#include <cstdint>

#include "train/optimizer_step.h"

namespace saesweep::train::cuda {

// Kernels on the default stream of a device. All return at once, and CUDA's error, or null. None adds floats
// atomically: the same input gives the same bits.

//! Widest rows, and most parts, that the kernels take.
inline constexpr int64_t kWidest = 6144;
inline constexpr int kMostParts = 40;

//! train/part.h, a block a token.
struct Reconstruction {
  int64_t n_tokens = 0, d = 0;
  const int64_t* starts = nullptr;  // [n_tokens + 1]
  const int32_t* latents = nullptr;
  const float* values = nullptr;
  const float* W_dec = nullptr;
  const float* b_dec = nullptr;   // or null
  const float* target = nullptr;  // [n_tokens, d]
  //! What errors are multiplied by.
  float scale = 0;
  float* d_x_hat = nullptr;   // [n_tokens, d]
  float* d_values = nullptr;  // [entries]
  double* squares = nullptr;  // [n_tokens]: squared errors
};
const char* reconstruct(int device, const Reconstruction& work);

//! One part of the gradient.
struct PartRows {
  const float* centered = nullptr;
  const float* d_x_hat = nullptr;
  const float* values = nullptr;
  const float* d_values = nullptr;
  const int64_t* tokens = nullptr;  // of the firings, latent by latent
  const int64_t* places = nullptr;
  const int64_t* starts = nullptr;  // [n_latents + 1]
  float scale = 1;
};

//! The gradient of all latents, a block a latent, in whose shared memory it stays.
struct Gradient {
  int64_t n_latents = 0, d = 0;
  int n_parts = 0;
  PartRows parts[kMostParts];
};

//! Sums of squares of each latent's gradients of W_enc and W_dec, [n_latents].
const char* squared_norms(int device, const Gradient& gradient, double* squares);

//! A parameter and the optimizer's state of it, float32 or bfloat16; `second` is null under signum.
struct Moved {
  float* parameter = nullptr;
  void* first = nullptr;
  void* second = nullptr;
};

//! train/sparse_update.h, for all but b_dec, in one pass. d_b_enc: gradient of b_enc, [n_latents].
struct Update {
  OptimizerStep step;
  bool is_wide = true;  // float32 states
  bool normalizes = true;
  const float* d_b_enc = nullptr;
  Moved W_enc, W_dec, b_enc;
};
const char* update(int device, const Gradient& gradient, const Update& update);

}  // namespace saesweep::train::cuda
