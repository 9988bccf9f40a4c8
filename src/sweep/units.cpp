#include "sweep/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <queue>
#include <set>
#include <tuple>
#include <utility>

#include "base/errors.h"
#include "base/machine_memory.h"
#include "base/progress.h"

namespace saesweep::sweep {
namespace {

Unit make_unit(std::span<const Cell> cells, std::span<const size_t> members, size_t group, const CostModel& cost) {
  Unit unit{.cells = {members.begin(), members.end()}, .group = group};
  std::vector<const Cell*> parts;
  for (const size_t number : members) {
    parts.push_back(&cells[number]);
    unit.cost_seconds += cost.cell_seconds(cells[number]);
  }
  unit.cost_seconds += cost.shared_seconds(parts);
  unit.memory_bytes = cost.memory_bytes(parts);
  unit.buffer_bytes = cost.buffer_bytes(parts);
  return unit;
}

size_t n_parts(size_t n_cells, size_t most) {
  return (n_cells + most - 1) / most;
}

// Some cells of a group in equal parts.
std::vector<Unit> cut(std::span<const Cell> cells, std::span<const size_t> members, size_t group, size_t parts,
                      const CostModel& cost) {
  std::vector<Unit> units;
  for (size_t part = 0; part < parts; ++part) {
    const size_t begin = members.size() * part / parts;
    const size_t end = members.size() * (part + 1) / parts;
    units.push_back(make_unit(cells, members.subspan(begin, end - begin), group, cost));
  }
  return units;
}

// The fewest parts, from `parts` on, that each fit into memory; single cells where none do.
std::vector<Unit> cut_to_fit(std::span<const Cell> cells, std::span<const size_t> members, size_t group, size_t parts,
                             const CostModel& cost, uint64_t memory_bytes) {
  for (;; ++parts) {
    auto units = cut(cells, members, group, parts, cost);
    const bool fits = std::ranges::all_of(units, [&](const Unit& unit) { return unit.memory_bytes <= memory_bytes; });
    if (fits || parts == members.size()) return units;
  }
}

// The first n_whole groups stay whole, the others are cut into units of at most `most` cells; all as memory allows.
std::vector<Unit> divide(std::span<const Cell> cells, const std::vector<Group>& groups, size_t n_whole, size_t most,
                         const CostModel& cost, uint64_t memory_bytes) {
  std::vector<Unit> units;
  for (size_t group = 0; group < groups.size(); ++group) {
    const std::span<const size_t> members = groups[group].cells;
    const size_t parts = group < n_whole ? 1 : n_parts(members.size(), most);
    auto made = cut_to_fit(cells, members, group, parts, cost, memory_bytes);
    std::ranges::move(made, std::back_inserter(units));
  }
  std::sort(units.begin(), units.end(), [](const Unit& a, const Unit& b) {
    return std::tuple(-a.cost_seconds, a.cells.front()) < std::tuple(-b.cost_seconds, b.cells.front());
  });
  return units;
}

// Sizes that lead to different divisions of some group, largest first.
std::set<size_t, std::greater<>> useful_sizes(const std::vector<Group>& groups) {
  std::set<size_t, std::greater<>> sizes;
  for (const auto& group : groups) {
    for (size_t parts = 1; parts <= group.cells.size(); ++parts) sizes.insert(n_parts(group.cells.size(), parts));
  }
  return sizes;
}

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

}  // namespace

std::vector<Group> make_groups(std::span<const Cell> cells) {
  std::vector<Group> groups;
  std::map<std::tuple<std::string, model::Variant, int64_t>, size_t> numbers;
  for (size_t i = 0; i < cells.size(); ++i) {
    const auto key = std::tuple(cells[i].model_path, cells[i].variant, cells[i].init_seed);
    const auto [place, is_new] = numbers.emplace(key, groups.size());
    if (is_new) groups.emplace_back();
    groups[place->second].cells.push_back(i);
  }
  return groups;
}

std::vector<Unit> make_units(std::span<const Cell> cells, int n_ranks, const RunOptions& run, const CostModel& cost,
                             uint64_t memory_bytes) {
  const auto groups = make_groups(cells);
  if (run.cells_per_unit > 0)
    return divide(cells, groups, 0, static_cast<size_t>(run.cells_per_unit), cost, memory_bytes);
  // Either all groups are cut, or only those that are left when each rank has had the same number of whole ones.
  const size_t full_rounds = groups.size() - groups.size() % static_cast<size_t>(n_ranks);
  std::vector<Unit> best;
  double shortest = 0;
  for (const size_t size : useful_sizes(groups)) {
    for (const size_t n_whole : std::set<size_t, std::greater<>>{full_rounds, 0}) {
      auto units = divide(cells, groups, n_whole, size, cost, memory_bytes);
      const double makespan = make_schedule(units, n_ranks).makespan;
      if (!best.empty() && makespan >= shortest) continue;
      shortest = makespan;
      best = std::move(units);
    }
  }
  return best;
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

Schedule make_schedule(std::span<const Unit> units, int n_ranks) {
  Schedule schedule;
  schedule.units.resize(n_ranks);
  schedule.seconds.resize(n_ranks, 0);
  using Free = std::pair<double, int>;
  std::priority_queue<Free, std::vector<Free>, std::greater<>> free;
  for (int rank = 0; rank < n_ranks; ++rank) free.emplace(0.0, rank);
  for (size_t i = 0; i < units.size(); ++i) {
    const auto [seconds, rank] = free.top();
    free.pop();
    schedule.units[rank].push_back(i);
    schedule.seconds[rank] = seconds + units[i].cost_seconds;
    free.emplace(schedule.seconds[rank], rank);
    schedule.makespan = std::max(schedule.makespan, schedule.seconds[rank]);
  }
  return schedule;
}

}  // namespace saesweep::sweep
