#pragma once

#include <cuda_runtime.h>

// What kernels share.

namespace saesweep::cuda {

constexpr int kWarp = 32;

//! CUDA's error of the last launch, or null.
inline const char* launch_error() {
  const cudaError_t error = cudaGetLastError();
  return error == cudaSuccess ? nullptr : cudaGetErrorString(error);
}

template <typename T>
__device__ T warp_sum(T value) {
  for (int lane = kWarp / 2; lane > 0; lane /= 2) value += __shfl_xor_sync(0xFFFFFFFFU, value, lane);
  return value;
}

//! The sum over a block's n_threads, on all of them, always in the same order.
template <int n_threads, typename T>
__device__ T block_sum(T value) {
  __shared__ T sums[n_threads / kWarp];
  value = warp_sum(value);
  if (threadIdx.x % kWarp == 0) sums[threadIdx.x / kWarp] = value;
  __syncthreads();
  T sum = 0;
  for (int warp = 0; warp < n_threads / kWarp; ++warp) sum += sums[warp];
  __syncthreads();
  return sum;
}

}  // namespace saesweep::cuda
