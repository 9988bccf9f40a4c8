#include "model/compute.h"

#include <ATen/Parallel.h>
#include <torch/csrc/api/include/torch/version.h>

namespace saesweep::model {

void set_threads(int64_t n_threads) {
  at::set_num_threads(static_cast<int>(n_threads));
  at::set_num_interop_threads(1);
}

std::string libtorch_version() {
  return TORCH_VERSION;
}

}  // namespace saesweep::model
