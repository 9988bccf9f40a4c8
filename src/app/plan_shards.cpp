#include "app/plan_shards.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "app/table.h"
#include "base/progress.h"
#include "sweep/shards.h"
#include "sweep/units.h"

namespace saesweep::app {

namespace {

//! More of these are told by their extremes.
constexpr size_t kShardsShown = 40;

}  // namespace

std::vector<ShardPlan> plan_shards(std::span<const sweep::Cell> cells, const sweep::RunOptions& run,
                                   const sweep::CostModel& cost, uint64_t memory_bytes, int n_shards) {
  const std::vector<int> shard_of = sweep::shard_of_cells(cells, cost, n_shards);
  std::vector<std::vector<sweep::Cell>> parts(static_cast<size_t>(n_shards));
  for (size_t i = 0; i < cells.size(); ++i) parts[static_cast<size_t>(shard_of[i])].push_back(cells[i]);
  std::vector<ShardPlan> plans;
  for (const std::vector<sweep::Cell>& part : parts) {
    ShardPlan plan{.n_cells = part.size(), .n_groups = sweep::make_groups(part).size()};
    for (const sweep::Unit& unit : sweep::make_units(part, run, cost, memory_bytes)) plan.seconds += unit.cost_seconds;
    plans.push_back(plan);
  }
  return plans;
}

std::string shards_text(std::span<const ShardPlan> shards) {
  if (shards.empty()) return "";
  const double sum = std::accumulate(shards.begin(), shards.end(), 0.0,
                                     [](double all, const ShardPlan& shard) { return all + shard.seconds; });
  const double mean = sum / static_cast<double>(shards.size());
  const auto [least, most] = std::ranges::minmax_element(shards, {}, &ShardPlan::seconds);
  std::string text = fmt::format("Divided into {} shards; the longest takes {:.2f} times the mean:\n", shards.size(),
                                 mean > 0 ? most->seconds / mean : 1);
  TextTable table({"shard", "cells", "groups", "time of one rank", "times the mean"});
  const auto add = [&](const ShardPlan& shard) {
    table.add({fmt::format("{}/{}", &shard - shards.data(), shards.size()), std::to_string(shard.n_cells),
               std::to_string(shard.n_groups), duration_text(shard.seconds),
               fmt::format("{:.2f}", mean > 0 ? shard.seconds / mean : 1)});
  };
  const bool are_all_shown = shards.size() <= kShardsShown;
  if (are_all_shown) std::ranges::for_each(shards, add);
  if (!are_all_shown) {
    add(*most);
    add(*least);
  }
  return text + table.text() + (are_all_shown ? "" : "  (the longest and the shortest)\n") + "\n";
}

}  // namespace saesweep::app
