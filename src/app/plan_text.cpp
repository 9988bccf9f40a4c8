#include "app/plan_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "app/requests_text.h"
#include "app/table.h"
#include "base/progress.h"

namespace saesweep::app {
namespace {

//! More ranks than these are told by their extremes; more groups are counted.
constexpr size_t kRanksShown = 16;
constexpr size_t kGroupsShown = 40;
//! Of a device's memory, what the driver and LibTorch leave.
constexpr double kUsable = 0.93;

std::string ranges_text(const std::set<int64_t>& numbers) {
  std::string text;
  for (auto first = numbers.begin(); first != numbers.end();) {
    auto last = first;
    for (auto next = std::next(first); next != numbers.end() && *next == *last + 1; ++next) last = next;
    text += text.empty() ? "" : ",";
    text += first == last ? fmt::format("{}", *first) : fmt::format("{}-{}", *first, *last);
    first = std::next(last);
  }
  return text;
}

std::vector<const sweep::Cell*> cells_of(const Plan& plan, const std::vector<size_t>& numbers) {
  std::vector<const sweep::Cell*> cells;
  for (const size_t number : numbers) cells.push_back(&plan.cells[number]);
  return cells;
}

//! The units of a group.
struct GroupUnits {
  size_t n = 0;
  uint64_t memory_bytes = 0;
  double seconds = 0;
};

std::vector<GroupUnits> units_of_groups(const Plan& plan, size_t n_groups) {
  std::vector<GroupUnits> groups(n_groups);
  for (const auto& unit : plan.units) {
    GroupUnits& group = groups[unit.group];
    ++group.n;
    group.memory_bytes = std::max(group.memory_bytes, unit.memory_bytes);
    group.seconds += unit.cost_seconds;
  }
  return groups;
}

std::string groups_text(const Plan& plan, const std::vector<sweep::Group>& groups) {
  TextTable table({"group", "model", "variant", "init", "cells", "hookpoints", "units", "memory a unit", "time"});
  const auto units = units_of_groups(plan, groups.size());
  const size_t n_shown = std::min(groups.size(), kGroupsShown);
  for (size_t group = 0; group < n_shown; ++group) {
    const auto cells = cells_of(plan, groups[group].cells);
    const auto& cell = *cells.front();
    table.add({std::to_string(group), cell.model_name, model::name_of(cell.variant),
               cell.init_seed < 0 ? "-" : std::to_string(cell.init_seed), std::to_string(cells.size()),
               hookpoints_text(cells), std::to_string(units[group].n), bytes_text(units[group].memory_bytes),
               duration_text(units[group].seconds)});
  }
  return table.text() + (groups.size() > n_shown ? fmt::format("and {} more groups\n", groups.size() - n_shown) : "");
}

std::string rank_line(const Plan& plan, size_t rank) {
  const auto& one = plan.schedule.ranks[rank];
  size_t n_cells = 0;
  for (const auto& work : one.work) n_cells += work.last - work.first;
  const char* ending = one.work.size() == 1 ? "" : "s";
  return fmt::format("  rank {}: {} unit{}, {} cells, {}\n", rank, one.work.size(), ending, n_cells,
                     duration_text(one.end));
}

std::string schedule_text(const Plan& plan) {
  const auto& ranks = plan.schedule.ranks;
  const std::string parts =
      plan.schedule.n_parts == 0
          ? ""
          : fmt::format(" ({} of them parts, cut so that all ranks end together)", plan.schedule.n_parts);
  std::string text = fmt::format("Schedule over {} rank{}, longest unit first{}:\n", plan.n_ranks,
                                 plan.n_ranks == 1 ? "" : "s", parts);
  if (ranks.size() <= kRanksShown) {
    for (size_t rank = 0; rank < ranks.size(); ++rank) text += rank_line(plan, rank);
    return text;
  }
  const auto [first, last] = std::ranges::minmax_element(ranks, {}, &sweep::SimulatedRank::end);
  const auto idle = std::ranges::count_if(ranks, [](const auto& rank) { return rank.work.empty(); });
  return text + fmt::format("  the first rank is done after {}, the last after {}; {} have no work\n",
                            duration_text(first->end), duration_text(last->end), idle);
}

std::string time_source(const Plan& plan) {
  if (plan.device)
    return fmt::format("operations and bytes counted, at what is assumed of {}", plan.device->device->name);
  return plan.n_cells_known > 0 ? fmt::format("by what {} finished cells of this output took", plan.n_cells_known)
                                : "rough: counted operations at 60 GFLOP/s a core";
}

}  // namespace

std::string hookpoints_text(std::span<const sweep::Cell* const> cells) {
  std::map<model::Hookpoint::Kind, std::set<int64_t>> layers;
  for (const auto* cell : cells) layers[cell->hookpoint.kind].insert(cell->hookpoint.layer);
  std::string text;
  for (const auto& [kind, numbers] : layers) {
    const auto name = model::Hookpoint{kind, *numbers.begin()}.name();
    const auto number = std::to_string(*numbers.begin());
    const auto place = kind == model::Hookpoint::Kind::kEmbedding ? std::string::npos : name.find(number);
    text += text.empty() ? "" : " ";
    text += place == std::string::npos
                ? name
                : name.substr(0, place) + ranges_text(numbers) + name.substr(place + number.size());
  }
  return text;
}

std::string device_text(uint64_t bytes) {
  for (const int gigabytes : {8, 12, 16, 24, 32, 40, 48, 64, 80, 96, 128, 141, 192, 288}) {
    if (static_cast<double>(bytes) <= kUsable * gigabytes * 1e9) return fmt::format("a device of {} GB", gigabytes);
  }
  return "no device of up to 288 GB";
}

std::string plan_text(const Plan& plan) {
  const auto groups = sweep::make_groups(plan.cells);
  uint64_t memory = 0, buffer = 0;
  for (const auto& unit : plan.units) {
    memory = std::max(memory, unit.memory_bytes);
    buffer = std::max(buffer, unit.buffer_bytes);
  }
  const std::string buffer_text =
      buffer == 0 ? ""
                  : fmt::format("Activation buffer: up to {} of it ({} tokens x width x 2 bytes x hookpoints)\n",
                                bytes_text(buffer), plan.options.train.buffer_tokens);
  const std::string too_large = plan.device ? too_large_text(*plan.device, plan.cells.size(), plan.cell_bytes) : "";
  return fmt::format(
      "Sweep {}: {} cells in {} groups (one forward pass each), {} units\n{}\n{}\n{}\n{}"
      "Time: about {} ({})\n"
      "Memory: up to {} a rank, LibTorch's own aside; the largest cell alone needs {} ({})\n{}{}"
      "Output: {} in {}\n{}{}",
      plan.options.name, plan.cells.size(), groups.size(), plan.units.size(), too_large, groups_text(plan, groups),
      schedule_text(plan), shards_text(plan.shards), duration_text(plan.schedule.makespan), time_source(plan),
      bytes_text(memory), bytes_text(plan.cell_bytes), device_text(plan.cell_bytes), buffer_text,
      checkpoints_text(plan.checkpoints), bytes_text(plan.output_bytes), plan.options.output.string(),
      requests_text(plan.options, plan.cells), plan.device ? device_plan_text(*plan.device) : "");
}

std::string cells_text(const Plan& plan) {
  std::vector<size_t> unit_of(plan.cells.size());
  for (size_t unit = 0; unit < plan.units.size(); ++unit) {
    for (const size_t cell : plan.units[unit].cells) unit_of[cell] = unit;
  }
  TextTable table({"cell", "unit", "id", "settings"});
  for (size_t i = 0; i < plan.cells.size(); ++i) {
    table.add(
        {std::to_string(i), std::to_string(unit_of[i]), plan.device ? "-" : plan.cells[i].id, describe(plan.cells[i])});
  }
  return table.text();
}

}  // namespace saesweep::app
