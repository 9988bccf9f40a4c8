#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "sweep/cost.h"

namespace saesweep::sweep {

//! What finished cells say of the cost model (sweep/cost.h) on the machine that they ran on.
struct Calibration {
  //! 1 where no cell says anything; a stage that none has reached takes the factor of those that some have.
  StageFactors factors = {};
  //! Cells that these rest on.
  int64_t n_cells = 0;

  //! "training 1.10, evaluation 0.95, harvest 1.30 times what is counted"
  std::string text() const;
};

//! The factors by which the stages of the cells in these files took longer than counted: sums of `train_seconds` over
//! sums of `planned_train_seconds`, and so on. Files that are missing or cannot be read say nothing.
Calibration calibrate(std::span<const std::filesystem::path> results);

}  // namespace saesweep::sweep
