#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace saesweep::bench {

//! The most memory that this process has held since a moment, beyond what it held then: resident memory on the CPU,
//! LibTorch's allocations on another device.
class PeakMemory {
 public:
  //! From now on.
  explicit PeakMemory(at::Device device);

  //! Bytes; -1 where the system does not tell.
  int64_t bytes() const;

 private:
  at::Device device_;
  int64_t before_;
};

}  // namespace saesweep::bench
