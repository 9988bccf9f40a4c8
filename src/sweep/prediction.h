#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>

#include "sweep/calibration.h"
#include "sweep/cell.h"
#include "sweep/options.h"

namespace saesweep::sweep {

//! What a run was predicted to take, and what it took.
struct PredictionAndFact {
  //! Of the devices, from the first unit handed out to the last one done; NaN where there was no work.
  double predicted_seconds = std::numeric_limits<double>::quiet_NaN();
  double seconds = std::numeric_limits<double>::quiet_NaN();
  //! Finished cells that the prediction rested on; 0: counted operations alone.
  int64_t n_cells_known = 0;
  //! Whether any was trained, evaluated or harvested; else all that was left was the judge's.
  bool has_device_work = true;
  //! After that, until the judge had answered all.
  double judge_seconds = 0;
  //! To the judge.
  int64_t predicted_requests = 0;
  int64_t requests = 0;
  //! What all cells of the results say of the cost model now.
  Calibration calibration = {};

  //! Lines for people; "" where there was no work.
  std::string text() const;
};

//! Requests to the judge, where enough latents of each cell qualify; 0 where no scores are wanted.
int64_t n_requests(std::span<const Cell> cells, const SweepOptions& options);

}  // namespace saesweep::sweep
