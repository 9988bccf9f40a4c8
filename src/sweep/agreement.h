#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "mpi/comm.h"

namespace saesweep::sweep {

//! Runs work on the root alone and gives its result to all ranks; an Error it throws is thrown on all, with the same
//! message and exit code. Collective.
std::string on_root(const mpi::Comm& comm, const std::function<std::string()>& work);

//! Runs work on every rank. Where it threw on any, all throw the same Error: of the rank with the least `place`, which
//! work may have set (what it was at when it failed). Collective.
void on_all(const mpi::Comm& comm, const std::function<void(int64_t& place)>& work);

}  // namespace saesweep::sweep
