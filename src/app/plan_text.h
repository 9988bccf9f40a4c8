#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "app/plan_checkpoints.h"
#include "app/plan_device.h"
#include "app/plan_shards.h"
#include "sweep/cell.h"
#include "sweep/options.h"
#include "sweep/simulate.h"
#include "sweep/units.h"

namespace saesweep::app {

//! A sweep divided among ranks, before it starts.
struct Plan {
  sweep::SweepOptions options;
  std::vector<sweep::Cell> cells;
  std::vector<sweep::Unit> units;
  int n_ranks = 1;
  //! What the scheduler would do with ranks of equal speed, by the cost model.
  sweep::Simulation schedule;
  CheckpointPlan checkpoints;
  //! None where no division was asked for.
  std::vector<ShardPlan> shards;
  //! Finished cells of this output by which times are predicted; 0: counted operations alone.
  int64_t n_cells_known = 0;
  //! Where the plan is made for a device by name.
  std::optional<DevicePlan> device;
  //! What a run writes.
  uint64_t output_bytes = 0;
  //! What the largest cell needs alone.
  uint64_t cell_bytes = 0;
};

//! The plan for people to read: a line a group, a line a rank, a line a shard, time, memory, checkpoints, size of the
//! output, and what the judge is asked. Long tables are cut.
std::string plan_text(const Plan& plan);

//! A line a cell, with its id and unit; a plan for a device by name has no ids.
std::string cells_text(const Plan& plan);

//! The smallest common size of a device's memory that holds so many bytes: "a device of 40 GB".
std::string device_text(uint64_t bytes);

//! Hookpoints of cells, short: "layers.0-5", "layers.0,4-6 mlp", "embed_in".
std::string hookpoints_text(std::span<const sweep::Cell* const> cells);

}  // namespace saesweep::app
