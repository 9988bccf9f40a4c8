#pragma once

#include <string>

#include "base/stop_signals.h"
#include "base/stopwatch.h"
#include "mpi/work_queue.h"

namespace saesweep::sweep {

//! Whether this run was asked to stop, and how long it may still take. A rank that gets a signal tells all others.
class Stopping {
 public:
  //! grace_seconds: what is left between the signal and the kill ([run] grace); after SIGTERM or SIGINT under mpirun,
  //! which kills a second later unless told otherwise, as little as it gives. Views both.
  Stopping(const StopSignals& signals, mpi::WorkQueue& queue, double grace_seconds);

  //! Cheap: to be asked between steps.
  bool is_wanted();
  //! Until the kill; once is_wanted().
  double seconds_left() const;
  //! "SIGUSR1"; "" on a rank that was only told.
  std::string signal() const { return signals_.name(); }

 private:
  double grace() const;

  const StopSignals& signals_;
  mpi::WorkQueue& queue_;
  double grace_seconds_;
  bool is_wanted_ = false;
  Stopwatch since_wanted_;
};

}  // namespace saesweep::sweep
