#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/errors.h"
#include "base/progress.h"
#include "base/stop_signals.h"
#include "mpi/comm.h"
#include "sweep/options.h"
#include "sweep/output_folders.h"
#include "sweep/prediction.h"

namespace saesweep::sweep {

struct RunSettings {
  //! Moves an output folder that is there aside (OUTPUT.<time>) and starts anew; deletes nothing.
  bool fresh = false;
  //! Runs cells again that an earlier run recorded as failed.
  bool retry_failed = false;
  //! Waits while another run writes the output, instead of refusing.
  bool waits = false;
  //! The part of the sweep that this job runs.
  Shard shard = {};
  ProgressLine::Mode progress = ProgressLine::Mode::kNone;
  //! Of the program, for the results file.
  std::string version = {};
};

struct RunSummary {
  int64_t n_cells = 0;
  int64_t n_done = 0;
  int64_t n_failed = 0;
  //! Of n_done: done by an earlier run.
  int64_t n_done_before = 0;
  double seconds = 0;
  //! Why cells were left for the next start (a signal, a lost judge, a spent budget), and the exit code that tells;
  //! "": for no reason.
  std::string stopped = {};
  ExitCode stopped_code = ExitCode::kStopped;
  std::filesystem::path results = {};
  PredictionAndFact prediction = {};
};

//! The main job: expands the sweep, makes token stores and the results file in its output folder (or continues what
//! an earlier run left there), hands units to ranks on demand, and returns when all cells are done or failed.
//! Collective. What is wrong before the work starts is thrown on all ranks alike; an error that stops a rank at work
//! is printed with its rank and ends the MPI job with its exit code. After a signal, of any rank, all save what fits
//! into [run] grace and return.
RunSummary run_sweep(const SweepOptions& options, const RunSettings& settings, const StopSignals& signals,
                     const mpi::Comm& comm);

}  // namespace saesweep::sweep
