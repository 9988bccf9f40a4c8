#include "app/plan_shards.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
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

std::vector<ShardPlan> plan_shards(std::span<const sweep::Cell> cells, const sweep::CostModel& cost,
                                   const sweep::CostModel& predicted, int n_shards) {
  const std::vector<int> shards = sweep::shard_of_cells(cells, cost, n_shards);
  std::vector<ShardPlan> plans(static_cast<size_t>(n_shards));
  for (const sweep::Group& group : sweep::make_groups(cells)) {
    std::map<int, std::vector<const sweep::Cell*>> parts;
    for (const size_t number : group.cells) parts[shards[number]].push_back(&cells[number]);
    for (const auto& [shard, part] : parts) {
      ShardPlan& plan = plans[static_cast<size_t>(shard)];
      plan.n_cells += part.size();
      ++plan.n_groups;
      plan.seconds += predicted.stages(part).total();
    }
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
