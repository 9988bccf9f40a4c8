#pragma once

#include <span>
#include <vector>

#include "sweep/cell.h"
#include "sweep/cost.h"

namespace saesweep::sweep {

//! The shard of each cell, 0 to n_shards - 1: a pure function of cells and CostModel::for_division(), so that every job
//! of an array finds the same, whatever its threads. Shards are balanced by predicted seconds. Groups stay whole;
//! those that do not fit are cut, lower hookpoints apart from higher ones, since every part pays for its own forward
//! passes. No shard is empty where there are at least n_shards cells. n_shards >= 1.
std::vector<int> shard_of_cells(std::span<const Cell> cells, const CostModel& cost, int n_shards);

}  // namespace saesweep::sweep
