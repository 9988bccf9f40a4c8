#include <cuda_runtime.h>

#include <limits>

#include "base/cuda/block.cuh"
#include "train/cuda/step.h"
#include "train/optimizer_math.h"

namespace saesweep::train::cuda {

namespace {

using saesweep::cuda::block_sum;
using saesweep::cuda::kWarp;
using saesweep::cuda::launch_error;
using saesweep::cuda::warp_sum;

constexpr int kThreads = 128;

__global__ void reconstruct_token(Reconstruction work) {
  extern __shared__ float row[];
  const int d = static_cast<int>(work.d);
  const int64_t token = blockIdx.x;
  const int64_t begin = work.starts[token], end = work.starts[token + 1];
  double square = 0;
  for (int i = threadIdx.x; i < d; i += kThreads) {
    float sum = work.b_dec == nullptr ? 0.0F : work.b_dec[i];
    for (int64_t j = begin; j < end; ++j) sum += work.values[j] * work.W_dec[int64_t{work.latents[j]} * d + i];
    const float error = sum - work.target[token * d + i];
    square += static_cast<double>(error) * error;
    row[i] = error * work.scale;
    work.d_x_hat[token * d + i] = row[i];
  }
  square = block_sum<kThreads>(square);  // after which the row is whole
  if (threadIdx.x == 0) work.squares[token] = square;
  for (int64_t j = begin + threadIdx.x / kWarp; j < end; j += kThreads / kWarp) {
    const float* atom = work.W_dec + int64_t{work.latents[j]} * d;
    float sum = 0;
    for (int i = threadIdx.x % kWarp; i < d; i += kWarp) sum += row[i] * atom[i];
    sum = warp_sum(sum);
    if (threadIdx.x % kWarp == 0) work.d_values[j] = sum;
  }
}

//! Sums a latent's gradients of W_enc and W_dec, [d] each. A thread works on elements of its own, so that none waits.
__device__ void gather(const Gradient& gradient, float* d_W_enc, float* d_W_dec) {
  const int d = static_cast<int>(gradient.d);
  const int64_t latent = blockIdx.x;
  for (int i = threadIdx.x; i < d; i += kThreads) d_W_enc[i] = d_W_dec[i] = 0;
  for (int part = 0; part < gradient.n_parts; ++part) {
    const PartRows& rows = gradient.parts[part];
    for (int64_t j = rows.starts[latent]; j < rows.starts[latent + 1]; ++j) {
      const int64_t token = rows.tokens[j] * d, place = rows.places[j];
      const float value = rows.scale * rows.values[place], d_value = rows.scale * rows.d_values[place];
      for (int i = threadIdx.x; i < d; i += kThreads) {
        d_W_enc[i] += d_value * rows.centered[token + i];
        d_W_dec[i] += value * rows.d_x_hat[token + i];
      }
    }
  }
}

__global__ void norm_of_latent(const __grid_constant__ Gradient gradient, double* squares) {
  extern __shared__ float rows[];
  gather(gradient, rows, rows + gradient.d);
  double square = 0;
  for (int64_t i = threadIdx.x; i < gradient.d; i += kThreads) {
    const double of_W_enc = rows[i], of_W_dec = rows[gradient.d + i];
    square += of_W_enc * of_W_enc + of_W_dec * of_W_dec;
  }
  square = block_sum<kThreads>(square);
  if (threadIdx.x == 0) squares[blockIdx.x] = square;
}

//! Moves element `place` of a parameter; returns its new value.
__device__ float move(const Update& work, const Moved& moved, int64_t place, float gradient) {
  const bool is_adam = work.step.optimizer == Optimizer::kAdam;
  const uint32_t noise = scrambled(work.step.rounding_key, static_cast<uint32_t>(place));
  auto* first = static_cast<uint16_t*>(moved.first);
  auto* second = static_cast<uint16_t*>(moved.second);
  auto* wide_first = static_cast<float*>(moved.first);
  auto* wide_second = static_cast<float*>(moved.second);
  float one = work.is_wide ? wide_first[place] : widened(first[place]);
  float value = moved.parameter[place];
  if (is_adam) {
    float two = work.is_wide ? wide_second[place] : widened(second[place]);
    value = adam(work.step, gradient, value, one, two);
    if (work.is_wide) {
      wide_second[place] = two;
    } else {
      second[place] = rounded(two, noise >> 16);
    }
  } else {
    value = signum(work.step, gradient, value, one);
  }
  if (work.is_wide) {
    wide_first[place] = one;
  } else {
    first[place] = rounded(one, noise & 0xFFFF);
  }
  moved.parameter[place] = value;
  return value;
}

__global__ void update_latent(const __grid_constant__ Gradient gradient, const __grid_constant__ Update work) {
  extern __shared__ float rows[];
  const int d = static_cast<int>(gradient.d);
  const int64_t first = static_cast<int64_t>(blockIdx.x) * d;
  float* d_W_enc = rows;
  float* d_W_dec = rows + d;
  gather(gradient, d_W_enc, d_W_dec);
  float along = 0;
  for (int i = threadIdx.x; i < d; i += kThreads) along += d_W_dec[i] * work.W_dec.parameter[first + i];
  along = block_sum<kThreads>(along);
  float square = 0;
  for (int i = threadIdx.x; i < d; i += kThreads) {
    move(work, work.W_enc, first + i, d_W_enc[i]);
    const float across = d_W_dec[i] - along * work.W_dec.parameter[first + i];
    d_W_dec[i] = move(work, work.W_dec, first + i, across);
    square += d_W_dec[i] * d_W_dec[i];
  }
  if (threadIdx.x == 0) move(work, work.b_enc, blockIdx.x, work.d_b_enc[blockIdx.x]);
  if (!work.normalizes) return;
  const float norm = sqrtf(block_sum<kThreads>(square)) + std::numeric_limits<float>::epsilon();
  for (int i = threadIdx.x; i < d; i += kThreads) work.W_dec.parameter[first + i] = d_W_dec[i] / norm;
}

}  // namespace

const char* reconstruct(int device, const Reconstruction& work) {
  cudaSetDevice(device);
  reconstruct_token<<<static_cast<unsigned>(work.n_tokens), kThreads, work.d * sizeof(float)>>>(work);
  return launch_error();
}

const char* squared_norms(int device, const Gradient& gradient, double* squares) {
  cudaSetDevice(device);
  norm_of_latent<<<static_cast<unsigned>(gradient.n_latents), kThreads, 2 * gradient.d * sizeof(float)>>>(gradient,
                                                                                                          squares);
  return launch_error();
}

const char* update(int device, const Gradient& gradient, const Update& update) {
  cudaSetDevice(device);
  update_latent<<<static_cast<unsigned>(gradient.n_latents), kThreads, 2 * gradient.d * sizeof(float)>>>(gradient,
                                                                                                         update);
  return launch_error();
}

}  // namespace saesweep::train::cuda
