#pragma once

#include <cstdint>
#include <string>

#include "model/compute.h"
#include "mpi/comm.h"
#include "sweep/options.h"

namespace saesweep::sweep {

//! What [run] device comes to: "cpu" or "cuda". has_cuda: whether there is a CUDA device for every rank. Throws
//! ConfigError for cuda where there is none, and for settings that the device does not compute in.
std::string device_kind(const SweepOptions& options, bool has_cuda);

//! The device of this rank; [run] device is resolved. The ranks of a node take its CUDA devices in turn. Collective.
at::Device rank_device(const RunOptions& run, const mpi::Comm& comm);

//! Of a device's memory, what the units of a rank that has it to itself may take.
uint64_t usable_device_bytes(double device_bytes);

//! Bytes that every rank may use: the least of what each may: [run] memory_gb, or its share of its device's memory, or
//! of the machine's. The most that 64 bits hold where a device does not say. Collective.
uint64_t memory_of_ranks(const RunOptions& run, at::Device device, const mpi::Comm& comm);

}  // namespace saesweep::sweep
