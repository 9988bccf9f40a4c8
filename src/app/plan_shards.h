#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "sweep/cell.h"
#include "sweep/cost.h"

namespace saesweep::app {

//! What a job of an array would do.
struct ShardPlan {
  size_t n_cells = 0;
  //! Groups that it has cells of: forward passes that it pays for.
  size_t n_groups = 0;
  //! Of one rank, by the cost model.
  double seconds = 0;
};

//! The division that `run --shard I/n_shards` takes, which is by the cost model's own (CostModel::for_division); times
//! are the sums of the units of a shard, each of which fits into a rank's memory.
std::vector<ShardPlan> plan_shards(std::span<const sweep::Cell> cells, const sweep::RunOptions& run,
                                   const sweep::CostModel& cost, uint64_t memory_bytes, int n_shards);

//! A line a shard; "" where there are none.
std::string shards_text(std::span<const ShardPlan> shards);

}  // namespace saesweep::app
