#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "sweep/cell.h"
#include "sweep/cost.h"
#include "sweep/options.h"
#include "sweep/units.h"
#include "train/checkpoint_pace.h"

namespace saesweep::app {

//! What saving half-trained SAEs takes, and what a kill loses.
struct CheckpointPlan {
  //! Of the unit that has most; of all cells.
  uint64_t unit_bytes = 0, all_bytes = 0;
  //! Of a rank's writing.
  double bytes_per_second = 200e6;
  bool is_speed_assumed = true;
  train::CheckpointEvery every;
  //! Of the sweep file.
  std::string every_text = "auto";
  double grace_seconds = 30;
  //! By the cost model: the longest training, evaluation and harvest of a unit, and the longest training between two
  //! checkpoints where these are set by tokens.
  double train_seconds = 0, evaluate_seconds = 0, harvest_seconds = 0, tokens_seconds = 0;

  //! Of the largest unit.
  double write_seconds() const { return static_cast<double>(unit_bytes) / bytes_per_second; }
  bool fits_grace() const { return write_seconds() <= grace_seconds; }
  //! Between the ends of two checkpoints of the largest unit; infinite where none are written.
  double interval_seconds() const;
  //! The most training that a kill loses a rank.
  double lost_seconds() const;
};

//! bytes_per_second: nothing where the user gave none. Throws ConfigError for a [run] checkpoint_every that cannot be
//! read.
CheckpointPlan plan_checkpoints(const sweep::SweepOptions& options, std::span<const sweep::Cell> cells,
                                std::span<const sweep::Unit> units, const sweep::CostModel& cost,
                                std::optional<double> bytes_per_second);

//! For people; "" where nothing is trained.
std::string checkpoints_text(const CheckpointPlan& plan);

}  // namespace saesweep::app
