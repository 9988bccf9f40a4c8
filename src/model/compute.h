#pragma once

#include <cstdint>
#include <string>

namespace saesweep::model {

//! Sets how many threads this process computes with, and that freed tensors keep their memory for the next ones.
//! Call it once, before any tensor is made.
void set_threads(int64_t n_threads);

//! "2.11.0".
std::string libtorch_version();

}  // namespace saesweep::model
