#pragma once

#include <fmt/format.h>

#include "base/errors.h"

namespace saesweep::cuda {

//! Throws SystemError with the kernel's name where its launch ended with an error (not null).
inline void check(const char* kernel, const char* error) {
  if (error != nullptr) throw SystemError(fmt::format("CUDA kernel {}: {}", kernel, error));
}

}  // namespace saesweep::cuda
