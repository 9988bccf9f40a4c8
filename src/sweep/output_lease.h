#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/lease.h"
#include "mpi/comm.h"
#include "sweep/output_folders.h"

namespace saesweep::sweep {

//! A job's right to write its part of an output: the lease of its own folder, held by the root; a share in that
//! folder's rank lock, held by every rank; and no job of another division of the sweep (a whole run beside shards,
//! shards of unlike numbers) at work on the same cells.
class OutputLease {
 public:
  using Waiting = Lease::Waiting;

  //! On the root, before the others: takes the lease, waits for ranks of a dead job. Folders are made. Throws
  //! OutputError saying who holds what, where `waiting` is empty (a few seconds later, since the holder may be dying);
  //! StoppedError where it returns false.
  void take(const OutputFolders& folders, const Waiting& waiting);
  //! On every rank, once the root has it.
  void join(const OutputFolders& folders);
  //! Gives it back.
  void release();

 private:
  std::optional<Lease> lease_;
  std::optional<RankLock> rank_;
};

}  // namespace saesweep::sweep
