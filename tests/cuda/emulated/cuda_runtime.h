#pragma once

// What the kernels of src/*/cuda use of CUDA, on the CPU, so that their tests run where no device is: a block's threads
// are fibers that take turns, each up to its next barrier. Found in place of CUDA's own header. What only a device
// shows (speed, limits of shared memory and registers) stays unknown.

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>

// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming): the names are CUDA's

#define __global__
#define __device__
#define __host__
#define __grid_constant__
#define __shared__ static  // blocks run one after another

// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)

namespace emulated {

struct Index {
  unsigned x = 0;
};

//! Of the thread whose turn it is.
extern Index thread, block;

//! Which thread of a block goes first at each barrier; results must not depend on it.
enum class Order { kRising, kFalling, kShuffled };
//! The order for as long as it lives.
class Ordered {
 public:
  explicit Ordered(Order wanted);
  ~Ordered();
  Ordered(const Ordered&) = delete;
  Ordered& operator=(const Ordered&) = delete;

 private:
  Order before_;
};

//! Until all threads of the block, or of the warp, are here.
void wait_for_block();
void wait_for_warp();
//! 8 bytes for what a thread shows to the others of its warp between two barriers; there are two in turn, so that none
//! is written again before all have read it.
unsigned char* shown_by(unsigned of_thread);
//! The block's dynamic shared memory.
void* shared_memory();

//! kernel<<<n_blocks, n_threads, n_bytes>>>(arguments) as CMakeLists.txt rewrites it. Aborts where threads wait for
//! each other for ever, or write past the shared memory.
class Launch {
 public:
  Launch(unsigned n_blocks, unsigned n_threads, size_t n_bytes)
      : n_blocks_(n_blocks), n_threads_(n_threads), n_bytes_(n_bytes) {}

  template <typename Kernel, typename... Arguments>
  void run(Kernel kernel, const Arguments&... arguments) const {
    run_threads([&] { kernel(arguments...); });
  }

 private:
  void run_threads(const std::function<void()>& body) const;

  unsigned n_blocks_, n_threads_;
  size_t n_bytes_;
};

}  // namespace emulated

// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming)

#define threadIdx emulated::thread
#define blockIdx emulated::block

inline void __syncthreads() {
  emulated::wait_for_block();
}

template <typename T>
T __shfl_xor_sync(unsigned /*mask*/, T value, int lanes) {
  static_assert(sizeof(T) <= 8);
  std::memcpy(emulated::shown_by(threadIdx.x), &value, sizeof(T));
  const unsigned char* other = emulated::shown_by(threadIdx.x ^ static_cast<unsigned>(lanes));
  emulated::wait_for_warp();
  std::memcpy(&value, other, sizeof(T));
  return value;
}

inline int atomicAdd(int* place, int value) {
  const int before = *place;
  *place += value;
  return before;
}

inline int __float_as_int(float value) {
  return std::bit_cast<int>(value);
}

using cudaError_t = int;
inline constexpr cudaError_t cudaSuccess = 0;
inline cudaError_t cudaSetDevice(int /*device*/) {
  return cudaSuccess;
}
inline cudaError_t cudaGetLastError() {
  return cudaSuccess;
}
inline const char* cudaGetErrorString(cudaError_t /*error*/) {
  return "";
}

// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)
