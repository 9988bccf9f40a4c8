#include "sweep/units.h"

#include <algorithm>
#include <functional>
#include <map>
#include <queue>
#include <set>
#include <tuple>
#include <utility>

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
  return unit;
}

size_t n_parts(size_t n_cells, size_t most) {
  return (n_cells + most - 1) / most;
}

// The first n_whole groups stay whole, the others are cut into units of at most `most` cells.
std::vector<Unit> divide(std::span<const Cell> cells, const std::vector<Group>& groups, size_t n_whole, size_t most,
                         const CostModel& cost) {
  std::vector<Unit> units;
  for (size_t group = 0; group < groups.size(); ++group) {
    const std::span<const size_t> members = groups[group].cells;
    const size_t parts = group < n_whole ? 1 : n_parts(members.size(), most);
    for (size_t part = 0; part < parts; ++part) {
      const size_t begin = members.size() * part / parts;
      const size_t end = members.size() * (part + 1) / parts;
      units.push_back(make_unit(cells, members.subspan(begin, end - begin), group, cost));
    }
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

std::vector<Unit> make_units(std::span<const Cell> cells, int n_ranks, const RunOptions& run, const CostModel& cost) {
  const auto groups = make_groups(cells);
  if (run.cells_per_unit > 0) return divide(cells, groups, 0, static_cast<size_t>(run.cells_per_unit), cost);
  // Either all groups are cut, or only those that are left when each rank has had the same number of whole ones.
  const size_t full_rounds = groups.size() - groups.size() % static_cast<size_t>(n_ranks);
  std::vector<Unit> best;
  double shortest = 0;
  for (const size_t size : useful_sizes(groups)) {
    for (const size_t n_whole : std::set<size_t, std::greater<>>{full_rounds, 0}) {
      auto units = divide(cells, groups, n_whole, size, cost);
      const double makespan = make_schedule(units, n_ranks).makespan;
      if (!best.empty() && makespan >= shortest) continue;
      shortest = makespan;
      best = std::move(units);
    }
  }
  return best;
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
