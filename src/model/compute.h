#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <exception>
#include <string>

namespace saesweep::model {

//! Sets how many threads this process computes with, and that freed tensors keep their memory for the next ones.
//! Call it once, before any tensor is made.
void set_threads(int64_t n_threads);

//! Makes set_threads hold on this thread, too: to be called first on each thread that computes and that is none of
//! LibTorch's own. (OpenMP and MKL keep the number for each thread.)
void start_thread();

//! "cpu", "cuda" or "cuda:N". Throws InputError for another name and for a device that is not there.
at::Device device_from(const std::string& name);

//! CUDA devices that this process sees; 0 where driver or LibTorch's CUDA part are missing.
int n_cuda_devices();

//! What its maker calls a CUDA device, as "NVIDIA H200"; "" for others.
std::string device_name(at::Device device);

//! Bytes of a CUDA device's memory; 0 for others, and where the driver does not say.
uint64_t device_bytes(at::Device device);

//! Where a CUDA device sits, as "0000:65:00.0": the same in every process, whatever number it has there; "" for others,
//! and where the driver does not say.
std::string device_place(at::Device device);

//! "float32", "bfloat16", and on CUDA "float16". Throws InputError naming these for another name.
at::ScalarType dtype_from(const std::string& name, at::Device device);

//! Whether an exception says that no memory was to be had: std::bad_alloc, or LibTorch's, which is none.
bool is_out_of_memory(const std::exception& error);

//! "2.11.0".
std::string libtorch_version();

}  // namespace saesweep::model
