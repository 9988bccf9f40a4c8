#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "results/schema.h"
#include "sweep/cell.h"
#include "sweep/cost.h"
#include "sweep/options.h"
#include "sweep/scheduler.h"

namespace saesweep::sweep {

//! Cells that can share a forward pass: same model, variant and init seed (text and context length are the
//! sweep's). Numbers of cells in the sweep's order.
struct Group {
  std::vector<size_t> cells;
};

//! Cells of one group that one rank trains at the same time; what is handed to ranks.
struct Unit {
  //! Numbers of cells, rising.
  std::vector<size_t> cells;
  size_t group = 0;
  double cost_seconds = 0;
  uint64_t memory_bytes = 0;
  //! Of these the activation buffer.
  uint64_t buffer_bytes = 0;
};

//! Groups in the order of their first cells.
std::vector<Group> make_groups(std::span<const Cell> cells);

//! Divides the groups into units, as large as memory_bytes allows: parts of a group of about equally many cells.
//! RunOptions::cells_per_unit bounds their cells where it is not 0. A cell that needs more is a unit of its own. Units
//! stand longest first, those of equal cost by their first cell. Ranks that would idle are the scheduler's to mind
//! (sweep/scheduler.h).
std::vector<Unit> make_units(std::span<const Cell> cells, const RunOptions& run, const CostModel& cost,
                             uint64_t memory_bytes = std::numeric_limits<uint64_t>::max());

//! What the scheduler has to know of a unit of these cells; all of it adds up to cost_seconds. What a hookpoint's cells
//! share stands at the first of them. stages: of the cells, what they have reached and do not pay again; none: nothing.
UnitCost unit_cost(const Unit& unit, std::span<const Cell> cells, const CostModel& cost,
                   std::span<const results::Stage> stages = {});

//! Throws ConfigError naming what a cell needs, alone, and of what, where it does not fit into the memory of a rank.
void check_memory(const SweepOptions& options, std::span<const Cell> cells, const CostModel& cost,
                  uint64_t memory_bytes);

//! The same where a cell's activation buffer alone does not.
void check_buffers(const SweepOptions& options, std::span<const Cell> cells, const CostModel& cost,
                   uint64_t memory_bytes);

//! Bytes that each of n_ranks on this machine may use: [run] memory_gb, or its share of the machine's memory.
uint64_t rank_memory(const RunOptions& run, int n_ranks);

}  // namespace saesweep::sweep
