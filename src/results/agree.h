#pragma once

#include <filesystem>
#include <functional>

#include "mpi/comm.h"

namespace saesweep::results {

//! Runs `step` on every rank; where it threw on any, throws on all: a rank its own error, the others one of the same
//! kind. So no rank goes on into a collective call that others will not make. Collective.
void agree(const mpi::Comm& comm, const std::function<void()>& step);

//! Runs `write`; a failure while the file system of `path` is full becomes a StoppedError.
void stop_if_full(const std::filesystem::path& path, const std::function<void()>& write);

}  // namespace saesweep::results
