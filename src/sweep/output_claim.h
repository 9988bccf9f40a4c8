#pragma once

#include <functional>

#include "base/stop_signals.h"
#include "mpi/comm.h"
#include "sweep/output_folders.h"
#include "sweep/output_lease.h"
#include "sweep/run.h"

namespace saesweep::sweep {

//! Takes the lease of a job's output on the root, and joins it on every rank; with `settings.fresh` after the folder
//! that is there was moved aside. `check`, on the root once nothing is to be moved any more, throws where the output is
//! another's or has no space. Says on stderr what it waits for. Collective; throws alike on all ranks.
void claim_output(OutputLease& lease, const OutputFolders& folders, const RunSettings& settings,
                  const StopSignals& signals, const std::function<void()>& check, const mpi::Comm& comm);

}  // namespace saesweep::sweep
