#pragma once

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

}  // namespace saesweep::sweep
