#pragma once

#include <functional>
#include <string>

#include "mpi/comm.h"

namespace saesweep::sweep {

//! Runs work on the root alone and gives its result to all ranks; an Error it throws is thrown on all, with the same
//! message and exit code. Collective.
std::string on_root(const mpi::Comm& comm, const std::function<std::string()>& work);

}  // namespace saesweep::sweep
