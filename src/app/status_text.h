#pragma once

#include <cstddef>
#include <string>

#include "app/sweep_status.h"
#include "base/json.h"

namespace saesweep::app {

//! How many cells are in which state. A cell is counted once.
struct CellCounts {
  size_t all = 0;
  size_t done = 0;
  size_t failed = 0;
  //! Trained, evaluated or harvested at the moment.
  size_t at_work = 0;
  //! Harvested; scores are missing, and its job runs.
  size_t with_judge = 0;
  //! Begun, and left by a run that ended, or not yet taken up again.
  size_t left = 0;
  size_t to_come = 0;
  //! Cells that have come so far, at least.
  size_t trained = 0, evaluated = 0, harvested = 0, scored = 0;
};
CellCounts count_cells(const SweepStatus& status);

//! Counts, who runs, rates, time left, ranks, the judge, checkpoints, slow units and failures, for people to read.
std::string status_text(const SweepStatus& status);

//! The same for scripts. What is unknown is null.
Json status_json(const SweepStatus& status);

}  // namespace saesweep::app
