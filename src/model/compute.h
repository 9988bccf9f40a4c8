#pragma once

#include <cstdint>
#include <exception>
#include <string>

namespace saesweep::model {

//! Sets how many threads this process computes with, and that freed tensors keep their memory for the next ones.
//! Call it once, before any tensor is made.
void set_threads(int64_t n_threads);

//! Whether an exception says that no memory was to be had: std::bad_alloc, or LibTorch's, which is none.
bool is_out_of_memory(const std::exception& error);

//! "2.11.0".
std::string libtorch_version();

}  // namespace saesweep::model
