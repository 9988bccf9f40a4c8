#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "mpi/comm.h"

namespace saesweep::mpi {

//! Hands out the items 0 .. n-1, in this order, to whichever rank asks next.
//!
//! A manager thread on rank 0 polls for messages (two-sided, on a duplicated communicator) and sleeps between
//! polls, so that it leaves the core to rank 0's own work. It calls MPI and the report callback only.
class WorkQueue {
 public:
  //! Takes a rank's progress message; called on the manager's thread of rank 0, one call at a time.
  using ReportCallback = std::function<void(int rank, std::span<const std::byte>)>;

  //! *Collective*. `on_report` is used on rank 0 alone.
  WorkQueue(const Comm& comm, int64_t n_items, ReportCallback on_report = {});
  //! Without finish() before (an exception): stops the manager at once and waits for no other rank.
  ~WorkQueue();
  WorkQueue(const WorkQueue&) = delete;
  WorkQueue& operator=(const WorkQueue&) = delete;

  //! The next item, each given once, or nothing when all are given; then and after finish() nothing for ever.
  std::optional<int64_t> next();

  //! Sends a small message to the manager. Messages of one rank arrive in order. Throws SystemError after finish().
  void report(std::span<const std::byte> message);

  //! This rank asks no more (it need not have had the last item). On rank 0 waits, idle, until every rank has
  //! finished and all reports are handled; throws what the callback threw. Call it on every rank.
  void finish();

 private:
  struct Manager;
  Comm comm_;
  std::unique_ptr<Manager> manager_;
  bool drained_ = false;
  bool finished_ = false;
};

}  // namespace saesweep::mpi
