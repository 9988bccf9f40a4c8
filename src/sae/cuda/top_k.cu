#include <cuda_runtime.h>

#include "base/cuda/block.cuh"
#include "sae/cuda/top_k.h"

namespace saesweep::sae::cuda {

namespace {

constexpr int kThreads = 256;
constexpr int64_t kMostLatents = 0x7FFFFFFF;

//! Sorts n keys in shared memory, n a power of two, the largest first: a bitonic network.
__device__ void sort_falling(int64_t* keys, int n) {
  for (int size = 2; size <= n; size *= 2) {
    for (int stride = size / 2; stride > 0; stride /= 2) {
      for (int i = threadIdx.x; i < n / 2; i += kThreads) {
        const int low = 2 * i - (i & (stride - 1));
        const int high = low + stride;
        const bool falls = (low & size) == 0;
        const int64_t a = keys[low], b = keys[high];
        if ((a < b) == falls) {
          keys[low] = b;
          keys[high] = a;
        }
      }
      __syncthreads();
    }
  }
}

//! A block a token: keys above the least of the k largest are gathered in shared memory, `room` in all, and sorted
//! where there is no place for another chunk. Keys differ, so what is kept does not depend on the order of threads.
__global__ void merge(const float* pre, const uint8_t* marks, int n_latents, int64_t first_latent, int k, int room,
                      int64_t* all_keys) {
  extern __shared__ int64_t keys[];
  __shared__ int n_keys;
  const float* row = pre + static_cast<int64_t>(blockIdx.x) * n_latents;
  int64_t* best = all_keys + static_cast<int64_t>(blockIdx.x) * k;
  for (int i = threadIdx.x; i < room; i += kThreads) keys[i] = i < k ? best[i] : 0;
  if (threadIdx.x == 0) n_keys = k;
  __syncthreads();
  int64_t least = keys[k - 1];
  const auto thin_out = [&] {
    sort_falling(keys, room);
    least = keys[k - 1];
    __syncthreads();
    for (int i = k + threadIdx.x; i < room; i += kThreads) keys[i] = 0;
    if (threadIdx.x == 0) n_keys = k;
    __syncthreads();
  };
  for (int chunk = 0; chunk < n_latents; chunk += kThreads) {
    const int i = chunk + threadIdx.x;
    const float value = i < n_latents ? row[i] : 0.0F;
    if (value > 0 && (marks == nullptr || marks[i] != 0)) {
      const int64_t key = (static_cast<int64_t>(__float_as_int(value)) << 32) + kMostLatents - (first_latent + i);
      if (key > least) keys[atomicAdd(&n_keys, 1)] = key;
    }
    __syncthreads();
    const bool full = n_keys > room - kThreads;
    __syncthreads();  // no thread adds before all have read
    if (full) thin_out();
  }
  if (n_keys > k) thin_out();
  for (int i = threadIdx.x; i < k; i += kThreads) best[i] = keys[i];
}

}  // namespace

const char* merge_top_k(int device, const float* pre, const uint8_t* marks, int64_t n_tokens, int64_t n_latents,
                        int64_t first_latent, int64_t k, int64_t* keys) {
  int room = 512;
  while (room < k + 2 * kThreads) room *= 2;
  cudaSetDevice(device);
  merge<<<static_cast<unsigned>(n_tokens), kThreads, room * sizeof(int64_t)>>>(
      pre, marks, static_cast<int>(n_latents), first_latent, static_cast<int>(k), room, keys);
  return saesweep::cuda::launch_error();
}

}  // namespace saesweep::sae::cuda
