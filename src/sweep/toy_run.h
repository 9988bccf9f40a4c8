#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/stop_signals.h"
#include "mpi/comm.h"
#include "sweep/run.h"
#include "toy/options.h"

namespace saesweep::sweep {

struct ToySummary {
  int64_t n_cells = 0;
  int64_t n_done = 0;
  int64_t n_failed = 0;
  //! Of n_done: done by an earlier run.
  int64_t n_done_before = 0;
  double seconds = 0;
  //! From the first SAE to the last, data and measures included, times threads and ranks; and the time that threads
  //! spent in matrix products of training meanwhile.
  double thread_seconds = 0;
  double product_seconds = 0;
  //! Operations of these products.
  double operations = 0;
  //! Why cells were left; "": for no reason.
  std::string stopped = {};
  std::filesystem::path results = {};
};

//! Trains and measures the cells of a toy sweep and writes OUTPUT/results.h5, as run_sweep does a sweep's: collective;
//! done rows are kept, work is handed to ranks on demand, another run on the output is refused, and after a signal all
//! ranks leave what is half-trained and return. Of the settings `shard` is not used.
ToySummary run_toy(const toy::ToyOptions& options, const RunSettings& settings, const StopSignals& signals,
                   const mpi::Comm& comm);

}  // namespace saesweep::sweep
