#include "sweep/shards.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <string>

#include "sweep/small_sweep.h"
#include "sweep/units.h"

namespace saesweep::sweep {
namespace {

struct Grid {
  explicit Grid(SweepOptions given = small_sweep())
      : options(std::move(given)), cells(expand(options, small_inputs())), cost(options, small_inputs()) {}

  std::vector<int> divide(int n_shards) const { return shard_of_cells(cells, cost, n_shards); }
  //! Predicted seconds of each shard.
  std::vector<double> loads(const std::vector<int>& shards, int n_shards) const;
  //! Groups that each shard has cells of, summed.
  size_t n_parts(const std::vector<int>& shards) const;

  SweepOptions options;
  std::vector<Cell> cells;
  CostModel cost;
};

std::vector<double> Grid::loads(const std::vector<int>& shards, int n_shards) const {
  std::vector<double> loads(static_cast<size_t>(n_shards), 0);
  for (const Group& group : make_groups(cells)) {
    std::map<int, std::vector<const Cell*>> parts;
    for (const size_t i : group.cells) parts[shards[i]].push_back(&cells[i]);
    for (const auto& [shard, part] : parts) {
      double& load = loads.at(static_cast<size_t>(shard));
      load += cost.shared_seconds(part);
      for (const Cell* cell : part) load += cost.cell_seconds(*cell);
    }
  }
  return loads;
}

size_t Grid::n_parts(const std::vector<int>& shards) const {
  size_t n = 0;
  for (const Group& group : make_groups(cells)) {
    std::set<int> of_group;
    for (const size_t i : group.cells) of_group.insert(shards[i]);
    n += of_group.size();
  }
  return n;
}

SweepOptions many_groups(int64_t n_seeds) {
  SweepOptions options = small_sweep();
  options.axes.init_seeds.resize(static_cast<size_t>(n_seeds));
  std::iota(options.axes.init_seeds.begin(), options.axes.init_seeds.end(), 0);
  return options;
}

TEST(Shards, OneShardHasAll) {
  const Grid grid;
  EXPECT_EQ(grid.divide(1), std::vector<int>(grid.cells.size(), 0));
}

TEST(Shards, AreBalancedWithinAFewPercent) {
  for (const int64_t n_seeds : {1, 7, 40}) {
    const Grid grid(many_groups(n_seeds));
    for (const int n_shards : {2, 3, 4, 7, 8}) {
      const auto loads = grid.loads(grid.divide(n_shards), n_shards);
      const double mean = std::accumulate(loads.begin(), loads.end(), 0.0) / n_shards;
      // A cell is the finest there is.
      const double cell = grid.cost.cell_seconds(grid.cells.front());
      EXPECT_LE(std::ranges::max(loads), 1.04 * mean + cell) << n_seeds << " seeds, " << n_shards << " shards";
    }
  }
}

TEST(Shards, GroupsThatFillTheShardsStayWhole) {
  const Grid grid;
  EXPECT_EQ(grid.n_parts(grid.divide(5)), 5u);
  const Grid larger(many_groups(26));  // 80 groups
  EXPECT_EQ(larger.n_parts(larger.divide(8)), 80u);
}

TEST(Shards, OnlyGroupsThatAreLeftOverAreCut) {
  const Grid grid;
  EXPECT_EQ(grid.n_parts(grid.divide(2)), 6u);
  const Grid larger(many_groups(27));  // 83 groups, of which three are left over
  EXPECT_LE(larger.n_parts(larger.divide(8)), 83u + 8u);
}

TEST(Shards, PartsOfAGroupAreCutBetweenHookpoints) {
  SweepOptions options = small_sweep();
  options.axes.variants = {model::Variant::kTrained};
  const Grid grid(options);
  const auto shards = grid.divide(2);
  int64_t last_of_first = -1, first_of_second = 99;
  for (size_t i = 0; i < shards.size(); ++i) {
    const int64_t layer = grid.cells[i].hookpoint.layer;
    if (shards[i] == 0) last_of_first = std::max(last_of_first, layer);
    if (shards[i] == 1) first_of_second = std::min(first_of_second, layer);
  }
  EXPECT_LE(last_of_first, first_of_second);
}

TEST(Shards, NoneIsEmptyWhereThereAreCellsForAll) {
  auto uneven = small_sweep();
  uneven.axes.tokens = {2'048, 20'480'000};
  for (const auto& options : {small_sweep(), uneven}) {
    const Grid grid(options);
    const int n_cells = static_cast<int>(grid.cells.size());
    for (const int n_shards : {5, 59, 60, 100, 120}) {
      const auto shards = grid.divide(n_shards);
      const std::set<int> used(shards.begin(), shards.end());
      EXPECT_EQ(static_cast<int>(used.size()), std::min(n_shards, n_cells)) << n_shards;
      EXPECT_GE(*used.begin(), 0);
      EXPECT_LT(*used.rbegin(), n_shards);
    }
  }
}

TEST(Shards, ALongCellBoundsTheLargestShard) {
  auto options = small_sweep();
  options.axes.tokens = {204'800, 204'800'000};
  options.axes.sae_seeds = {0};
  options.axes.variants = {model::Variant::kTrained};
  options.axes.layers = {{.stride = 1, .layers = {0}}};
  const Grid grid(options);
  EXPECT_EQ(grid.divide(2), (std::vector<int>{0, 1}));
}

TEST(Shards, NothingIsDividedWhereThereIsNothing) {
  const Grid grid;
  EXPECT_TRUE(shard_of_cells({}, grid.cost, 3).empty());
}

// Stored: another machine, compiler or version that divides otherwise would run cells twice and leave others out.
TEST(Shards, DivideAsTheyDidBefore) {
  const Grid grid;
  const auto shards = grid.divide(7);
  std::string text;
  for (const int shard : shards) text += std::to_string(shard);
  EXPECT_EQ(text, "000000000011111112222222223333333333444444444455555556666666");
}

}  // namespace
}  // namespace saesweep::sweep
