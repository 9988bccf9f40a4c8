#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/event_log.h"
#include "model/compute.h"
#include "mpi/comm.h"

namespace saesweep::sweep {

//! Where a rank computes.
struct RankPlace {
  std::string host;
  //! Cores that it may run on, rising.
  std::vector<int> cores;
  //! With so many threads.
  int threads = 1;
  //! What says which CUDA device it has, on any rank of the host; "" for the CPU.
  std::string device;
  //! CUDA devices of the host, whether the rank sees them or not.
  int n_devices = 0;

  bool operator==(const RankPlace&) const = default;
};

//! This rank's.
RankPlace own_place(at::Device device, int threads);

//! Of all ranks, in their order. Collective.
std::vector<RankPlace> all_places(const RankPlace& own, const mpi::Comm& comm);

//! A line for each host (the first 16): its ranks, their cores, threads and devices.
std::string places_text(std::span<const RankPlace> places);

//! What is likely a mistake, a line each, with what to do: ranks that share too few cores, ranks that share a device
//! while others of the host are idle.
std::vector<std::string> place_warnings(std::span<const RankPlace> places);

//! Tells this rank's place to its log, and on the root all places (where `shows`) and warnings to stderr. Collective.
void tell_places(at::Device device, int64_t threads, bool shows, const EventLog& log, const mpi::Comm& comm);

}  // namespace saesweep::sweep
