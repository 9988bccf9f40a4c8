#include "model/compute.h"

#include <ATen/Parallel.h>
#include <malloc.h>
#include <torch/csrc/api/include/torch/version.h>

namespace saesweep::model {

void set_threads(int64_t n_threads) {
  // Tensors of some megabytes come and go with every batch: memory that the allocator gives back to the system
  // each time costs a page fault for every 4 KB.
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 512 << 20);
  at::set_num_threads(static_cast<int>(n_threads));
  at::set_num_interop_threads(1);
}

std::string libtorch_version() {
  return TORCH_VERSION;
}

}  // namespace saesweep::model
