#pragma once

#include "toy/batch_math.h"

namespace saesweep::toy::cuda {

//! Kernels of our own (toy/cuda/batch.h), one pass over memory each, for tensors on a CUDA device. There only where the
//! program was built with nvcc (SAESWEEP_HAS_CUDA).
const BatchMath& batch_math();

}  // namespace saesweep::toy::cuda
