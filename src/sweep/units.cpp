#include "sweep/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "base/errors.h"
#include "base/machine_memory.h"
#include "base/progress.h"
#include "sweep/memory_need.h"

namespace saesweep::sweep {
namespace {

// Cells of one group, and how they are divided.
class Division {
 public:
  Division(std::span<const Cell> cells, const CostModel& cost, uint64_t memory_bytes)
      : cells_(cells), cost_(cost), memory_bytes_(memory_bytes) {}

  //! Appends the units of a group: parts of equally many cells where these fit, else as many cells as fit, in order.
  void divide(std::span<const size_t> members, size_t group, size_t most_cells, std::vector<Unit>& units) const {
    std::vector<size_t> ends = filled(members, most_cells);
    const std::vector<size_t> even = evened(members.size(), ends.size());
    if (fits(members, even)) ends = even;
    size_t begin = 0;
    for (const size_t end : ends) {
      units.push_back(make_unit(members.subspan(begin, end - begin), group));
      begin = end;
    }
  }

 private:
  static std::vector<size_t> evened(size_t n_cells, size_t n_parts) {
    std::vector<size_t> ends;
    for (size_t part = 1; part <= n_parts; ++part) ends.push_back(n_cells * part / n_parts);
    return ends;
  }

  std::vector<size_t> filled(std::span<const size_t> members, size_t most_cells) const {
    std::vector<size_t> ends;
    size_t begin = 0;
    MemoryNeed need(cost_);
    for (size_t i = 0; i < members.size(); ++i) {
      need.add(cells_[members[i]]);
      if (i == begin || (i - begin < most_cells && need.bytes() <= memory_bytes_)) continue;
      ends.push_back(i);
      begin = i;
      need = MemoryNeed(cost_);
      need.add(cells_[members[i]]);
    }
    ends.push_back(members.size());
    return ends;
  }

  bool fits(std::span<const size_t> members, const std::vector<size_t>& ends) const {
    size_t begin = 0;
    for (const size_t end : ends) {
      MemoryNeed need(cost_);
      for (size_t i = begin; i < end; ++i) need.add(cells_[members[i]]);
      if (end - begin > 1 && need.bytes() > memory_bytes_) return false;
      begin = end;
    }
    return true;
  }

  Unit make_unit(std::span<const size_t> members, size_t group) const {
    Unit unit{.cells = {members.begin(), members.end()}, .group = group};
    MemoryNeed need(cost_);
    std::vector<const Cell*> parts;
    for (const size_t number : members) {
      parts.push_back(&cells_[number]);
      need.add(cells_[number]);
    }
    unit.cost_seconds = cost_.stages(parts).total();
    unit.memory_bytes = need.bytes();
    unit.buffer_bytes = need.buffer_bytes();
    return unit;
  }

  std::span<const Cell> cells_;
  const CostModel& cost_;
  uint64_t memory_bytes_;
};

[[noreturn]] void refuse_memory(const SweepOptions& options, const Cell& cell, const CostModel& cost,
                                uint64_t memory_bytes) {
  const std::vector<const Cell*> alone = {&cell};
  const uint64_t buffer_bytes = cost.buffer_bytes(alone);
  const std::string buffer =
      buffer_bytes == 0
          ? ""
          : fmt::format(", of it {} for the buffer of sae.buffer_tokens ({} x width {} x 2 bytes x hookpoints)",
                        bytes_text(buffer_bytes), options.train.buffer_tokens, cell.d_in);
  throw ConfigError(
      options.source,
      fmt::format("the cell {} needs {} of memory{}; a rank has {} (run.memory_gb, or fewer ranks a "
                  "machine, change that)",
                  describe(cell), bytes_text(cost.memory_bytes(alone)), buffer, bytes_text(memory_bytes)));
}

//! Without the stages that are reached.
double left_of(StageSeconds seconds, results::Stage stage) {
  if (stage >= results::Stage::kTrained) seconds.train = 0;
  if (stage >= results::Stage::kEvaluated) seconds.evaluate = 0;
  if (stage >= results::Stage::kHarvested) seconds.harvest = 0;
  return seconds.total();
}

bool share_forward(const Cell& a, const Cell& b) {
  return a.init_seed == b.init_seed && a.variant == b.variant && a.model_path == b.model_path;
}

}  // namespace

std::vector<Group> make_groups(std::span<const Cell> cells) {
  std::vector<Group> groups;
  std::map<std::tuple<std::string, model::Variant, int64_t>, size_t> numbers;
  size_t group = 0;
  for (size_t i = 0; i < cells.size(); ++i) {
    const Cell& cell = cells[i];
    if (i == 0 || !share_forward(cells[i - 1], cell)) {
      const auto key = std::tuple(cell.model_path, cell.variant, cell.init_seed);
      group = numbers.emplace(key, groups.size()).first->second;
      if (group == groups.size()) groups.emplace_back();
    }
    groups[group].cells.push_back(i);
  }
  return groups;
}

std::vector<Unit> make_units(std::span<const Cell> cells, const RunOptions& run, const CostModel& cost,
                             uint64_t memory_bytes) {
  const Division division(cells, cost, memory_bytes);
  const size_t most_cells = run.cells_per_unit > 0 ? static_cast<size_t>(run.cells_per_unit) : cells.size();
  const auto groups = make_groups(cells);
  std::vector<Unit> units;
  for (size_t group = 0; group < groups.size(); ++group) {
    division.divide(groups[group].cells, group, most_cells, units);
  }
  std::sort(units.begin(), units.end(), [](const Unit& a, const Unit& b) {
    return std::tuple(-a.cost_seconds, a.cells.front()) < std::tuple(-b.cost_seconds, b.cells.front());
  });
  return units;
}

UnitCost unit_cost(const Unit& unit, std::span<const Cell> cells, const CostModel& cost,
                   std::span<const results::Stage> stages) {
  UnitCost seconds;
  std::set<model::Hookpoint> zeroed;
  for (const size_t number : unit.cells) {
    const Cell* alone = &cells[number];
    const results::Stage stage = stages.empty() ? results::Stage::kNone : stages[number];
    const bool is_evaluated = stage >= results::Stage::kEvaluated;
    const double zeroing = is_evaluated ? 0 : cost.zeroing_seconds(*alone);
    const bool is_first = !is_evaluated && zeroed.insert(alone->hookpoint).second;
    seconds.cell_seconds.push_back(left_of(cost.own(*alone), stage) + (is_first ? zeroing : 0));
    seconds.forward_seconds.push_back(left_of(cost.shared({&alone, 1}), stage) - zeroing);
  }
  return seconds;
}

void check_memory(const SweepOptions& options, std::span<const Cell> cells, const CostModel& cost,
                  uint64_t memory_bytes) {
  for (const Cell& cell : cells) {
    const Cell* alone = &cell;
    if (cost.memory_bytes({&alone, 1}) > memory_bytes) refuse_memory(options, cell, cost, memory_bytes);
  }
}

void check_buffers(const SweepOptions& options, std::span<const Cell> cells, const CostModel& cost,
                   uint64_t memory_bytes) {
  for (const Cell& cell : cells) {
    const Cell* alone = &cell;
    if (cost.buffer_bytes({&alone, 1}) > memory_bytes) refuse_memory(options, cell, cost, memory_bytes);
  }
}

uint64_t rank_memory(const RunOptions& run, int n_ranks) {
  if (run.memory_gb > 0) return static_cast<uint64_t>(run.memory_gb * 1e9);
  return machine_memory() / static_cast<uint64_t>(n_ranks);
}

}  // namespace saesweep::sweep
