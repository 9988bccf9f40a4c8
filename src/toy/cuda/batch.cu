#include <cuda_runtime.h>

#include <limits>

#include "base/cuda/block.cuh"
#include "toy/cuda/batch.h"
#include "train/optimizer_math.h"

namespace saesweep::toy::cuda {

namespace {

using saesweep::cuda::block_sum;
using saesweep::cuda::launch_error;

constexpr int kThreads = 128;

__global__ void rectify_sample(BatchShape shape, const float* b_enc, float* codes, float* sums) {
  const int64_t sample = blockIdx.x;
  const float* bias = b_enc + sample / shape.n * shape.width;
  float* row = codes + sample * shape.width;
  float sum = 0;
  for (int64_t i = threadIdx.x; i < shape.width; i += kThreads) {
    // A code that is no number stays so, as ATen's relu has it: training is to notice.
    const float pre = row[i] + bias[i];
    const float code = pre < 0 ? 0.0F : pre;
    row[i] = code;
    sum += code;
  }
  sum = block_sum<kThreads>(sum);
  if (threadIdx.x == 0) sums[sample] = sum;
}

__global__ void error_of_sample(BatchShape shape, float scale, const float* x, const float* variance, float* x_hat,
                                float* errors) {
  const int64_t sample = blockIdx.x;
  const int64_t first = sample * shape.width;
  const float weight = variance[sample];
  float sum = 0;
  for (int64_t i = first + threadIdx.x; i < first + shape.width; i += kThreads) {
    const float error = x_hat[i] - x[i];
    sum += error * error * weight;
    x_hat[i] = error * (weight * scale);
  }
  sum = block_sum<kThreads>(sum);
  if (threadIdx.x == 0) errors[sample] = sum;
}

//! A thread a latent, so that those of a warp read side by side.
__global__ void back_to_latents(BatchShape shape, unsigned n_blocks, const float* penalty, const float* codes,
                                float* gradient, float* sums) {
  const int64_t member = blockIdx.x / n_blocks;
  const int64_t latent = static_cast<int64_t>(blockIdx.x % n_blocks) * kThreads + threadIdx.x;
  if (latent >= shape.width) return;
  const int64_t first = member * shape.n * shape.width + latent;
  float sum = 0;
  for (int64_t sample = 0; sample < shape.n; ++sample) {
    const int64_t place = first + sample * shape.width;
    const float value = codes[place] > 0 ? gradient[place] + penalty[member] : 0.0F;
    gradient[place] = value;
    sum += value;
  }
  sums[member * shape.width + latent] = sum;
}

__global__ void update_row(RowsShape shape, train::OptimizerStep step, bool normalizes, const float* gradient,
                           float* parameter, float* first, float* second) {
  const int64_t begin = blockIdx.x * shape.width, end = begin + shape.width;
  float square = 0;
  for (int64_t i = begin + threadIdx.x; i < end; i += kThreads) {
    float one = first[i], two = second[i];
    const float value = train::adam(step, gradient[i], parameter[i], one, two);
    first[i] = one;
    second[i] = two;
    parameter[i] = value;
    square += value * value;
  }
  if (!normalizes) return;
  const float norm = sqrtf(block_sum<kThreads>(square)) + std::numeric_limits<float>::epsilon();
  for (int64_t i = begin + threadIdx.x; i < end; i += kThreads) parameter[i] /= norm;
}

}  // namespace

const char* rectify(int device, const BatchShape& shape, const float* b_enc, float* codes, float* sums) {
  cudaSetDevice(device);
  rectify_sample<<<static_cast<unsigned>(shape.n_members * shape.n), kThreads, 0>>>(shape, b_enc, codes, sums);
  return launch_error();
}

const char* take_error(int device, const BatchShape& shape, const float* x, const float* variance, float* x_hat,
                       float* errors) {
  const auto scale = static_cast<float>(2.0 / static_cast<double>(shape.n * shape.width));
  cudaSetDevice(device);
  error_of_sample<<<static_cast<unsigned>(shape.n_members * shape.n), kThreads, 0>>>(shape, scale, x, variance, x_hat,
                                                                                     errors);
  return launch_error();
}

const char* back_through_relu(int device, const BatchShape& shape, const float* penalty, const float* codes,
                              float* gradient, float* sums) {
  const auto n_blocks = static_cast<unsigned>((shape.width + kThreads - 1) / kThreads);
  cudaSetDevice(device);
  back_to_latents<<<static_cast<unsigned>(shape.n_members) * n_blocks, kThreads, 0>>>(shape, n_blocks, penalty, codes,
                                                                                      gradient, sums);
  return launch_error();
}

const char* update_rows(int device, const RowsShape& shape, const train::OptimizerStep& step, bool normalizes,
                        const float* gradient, float* parameter, float* first, float* second) {
  cudaSetDevice(device);
  update_row<<<static_cast<unsigned>(shape.n_rows), kThreads, 0>>>(shape, step, normalizes, gradient, parameter, first,
                                                                   second);
  return launch_error();
}

}  // namespace saesweep::toy::cuda
