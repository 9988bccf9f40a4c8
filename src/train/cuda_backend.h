#pragma once

#include <span>

#include "sae/sae.h"
#include "train/backend.h"
#include "train/part.h"
#include "train/sparse_update.h"

namespace saesweep::train::cuda {

//! ATen's backend with kernels of our own for what is slow in it (train/cuda/step.h), for tensors on a CUDA device.
//! There only where the program was built with nvcc (SAESWEEP_HAS_CUDA).
const Backend& backend();

}  // namespace saesweep::train::cuda
