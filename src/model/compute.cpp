#include "model/compute.h"

#include <ATen/Parallel.h>
#include <c10/util/Exception.h>
#include <malloc.h>
#include <torch/csrc/api/include/torch/version.h>

#include <new>
#include <string_view>

namespace saesweep::model {

void set_threads(int64_t n_threads) {
  // Tensors of some megabytes come and go with every batch: memory that the allocator gives back to the system
  // each time costs a page fault for every 4 KB.
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 512 << 20);
  at::set_num_threads(static_cast<int>(n_threads));
  at::set_num_interop_threads(1);
}

bool is_out_of_memory(const std::exception& error) {
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) return true;
  if (dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr) return true;
  // The CPU's allocator throws a plain c10::Error.
  return dynamic_cast<const c10::Error*>(&error) != nullptr &&
         std::string_view(error.what()).find("DefaultCPUAllocator: can't allocate memory") != std::string_view::npos;
}

std::string libtorch_version() {
  return TORCH_VERSION;
}

}  // namespace saesweep::model
