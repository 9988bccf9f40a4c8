#include "sweep/units.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "base/errors.h"
#include "base/machine_memory.h"
#include "sweep/small_sweep.h"

namespace saesweep::sweep {
namespace {

class Units : public testing::Test {
 protected:
  std::vector<Unit> divide(int n_ranks, int64_t cells_per_unit = 0) const {
    return make_units(cells_, n_ranks, {.threads = 1, .cells_per_unit = cells_per_unit}, cost_);
  }

  std::vector<Cell> cells_ = expand(small_sweep(), small_inputs());
  CostModel cost_{small_sweep(), small_inputs()};
};

std::vector<size_t> sizes_of(const std::vector<Unit>& units) {
  std::vector<size_t> sizes;
  for (const auto& unit : units) sizes.push_back(unit.cells.size());
  std::ranges::sort(sizes);
  return sizes;
}

TEST_F(Units, GroupsShareModelVariantAndInitSeed) {
  const auto groups = make_groups(cells_);
  ASSERT_EQ(groups.size(), 5u);
  for (const auto& group : groups) {
    EXPECT_EQ(group.cells.size(), 12u);
    for (const size_t i : group.cells) EXPECT_EQ(cells_[i].variant, cells_[group.cells.front()].variant);
  }
}

TEST_F(Units, OneRankKeepsGroupsWhole) {
  EXPECT_EQ(sizes_of(divide(1)), (std::vector<size_t>(5, 12)));
}

TEST_F(Units, GroupsThatFillTheRanksStayWhole) {
  EXPECT_EQ(divide(5).size(), 5u);
}

TEST_F(Units, GroupsAreSplitWhereRanksWouldIdle) {
  const auto whole = make_schedule(divide(2, 12), 2);
  const auto units = divide(2);
  EXPECT_GT(units.size(), 5u);
  EXPECT_LT(make_schedule(units, 2).makespan, whole.makespan);
}

TEST_F(Units, ChosenSplitIsAtLeastAsGoodAsAnyThatCutsAllGroupsAlike) {
  for (const int n_ranks : {1, 2, 3, 4, 7, 60}) {
    double best = 1e300;
    for (int64_t size = 1; size <= 12; ++size) {
      best = std::min(best, make_schedule(divide(n_ranks, size), n_ranks).makespan);
    }
    EXPECT_LE(make_schedule(divide(n_ranks), n_ranks).makespan, best) << n_ranks;
  }
}

TEST_F(Units, OnlyGroupsLeftOverAreSplitWhereThatIsEnough) {
  EXPECT_EQ(sizes_of(divide(2)), (std::vector<size_t>{6, 6, 12, 12, 12, 12}));
}

TEST_F(Units, HoldEveryCellOnceInOrderWithinOneGroup) {
  for (const int64_t size : {0, 1, 5, 12, 100}) {
    std::set<size_t> seen;
    const auto groups = make_groups(cells_);
    for (const auto& unit : divide(3, size)) {
      EXPECT_TRUE(std::ranges::is_sorted(unit.cells));
      for (const size_t i : unit.cells) {
        EXPECT_TRUE(seen.insert(i).second);
        EXPECT_TRUE(std::ranges::count(groups[unit.group].cells, i));
      }
    }
    EXPECT_EQ(seen.size(), cells_.size());
  }
}

TEST_F(Units, ForcedSizeIsAnUpperBoundAndEven) {
  EXPECT_EQ(sizes_of(divide(2, 5)), (std::vector<size_t>(15, 4)));
  EXPECT_EQ(sizes_of(divide(2, 1)), (std::vector<size_t>(60, 1)));
}

TEST_F(Units, StandLongestFirstThenByFirstCell) {
  const auto units = divide(2, 4);
  for (size_t i = 1; i < units.size(); ++i) {
    EXPECT_GE(units[i - 1].cost_seconds, units[i].cost_seconds);
    if (units[i - 1].cost_seconds == units[i].cost_seconds) {
      EXPECT_LT(units[i - 1].cells.front(), units[i].cells.front());
    }
  }
}

TEST_F(Units, MoreRanksThanCellsIsFine) {
  const auto units = divide(100);
  EXPECT_EQ(units.size(), 60u);
  EXPECT_GT(make_schedule(units, 100).makespan, 0);
}

TEST(Schedule, GivesTheNextUnitToTheFirstFreeRank) {
  std::vector<Unit> units(4);
  const double seconds[] = {5, 4, 3, 3};
  for (size_t i = 0; i < 4; ++i) units[i].cost_seconds = seconds[i];
  const auto schedule = make_schedule(units, 2);
  EXPECT_EQ(schedule.units, (std::vector<std::vector<size_t>>{{0, 3}, {1, 2}}));
  EXPECT_EQ(schedule.seconds, (std::vector<double>{8, 7}));
  EXPECT_EQ(schedule.makespan, 8);
}

TEST_F(Units, FitIntoTheMemoryThereIs) {
  const auto whole = divide(1);
  const uint64_t memory = whole.front().memory_bytes / 2;
  const auto units = make_units(cells_, 1, {}, cost_, memory);
  EXPECT_GT(units.size(), whole.size());
  size_t n_cells = 0;
  for (const auto& unit : units) {
    EXPECT_LE(unit.memory_bytes, memory);
    n_cells += unit.cells.size();
  }
  EXPECT_EQ(n_cells, cells_.size());
  EXPECT_NO_THROW(check_memory(small_sweep(), cells_, cost_, memory));
}

TEST_F(Units, ABufferOfAllHookpointsIsCutByUnitsAndRefusedWhereOneIsTooMuch) {
  auto options = small_sweep();
  options.train.buffer_tokens = 1'000'000;
  const CostModel cost(options, small_inputs());
  const auto d = static_cast<uint64_t>(cells_.front().d_in);
  const auto units = make_units(cells_, 1, {}, cost);
  EXPECT_EQ(units.front().buffer_bytes, 1'000'000 * d * 2 * 6);  // six layers
  const uint64_t one = 1'000'000 * d * 2;
  const auto cut = make_units(cells_, 1, {}, cost, 3 * one);
  for (const auto& unit : cut) EXPECT_LE(unit.memory_bytes, 3 * one);
  try {
    check_buffers(options, cells_, cost, one / 2);
    ADD_FAILURE() << "a buffer beyond memory was let through";
  } catch (const ConfigError& error) {
    EXPECT_NE(std::string(error.what()).find("sae.buffer_tokens (1000000 x width"), std::string::npos) << error.what();
  }
}

TEST(RankMemory, IsWhatTheSweepSaysOrAShareOfTheMachine) {
  EXPECT_EQ(rank_memory({.memory_gb = 1.5}, 4), 1'500'000'000u);
  EXPECT_EQ(rank_memory({}, 4), machine_memory() / 4);
}

}  // namespace
}  // namespace saesweep::sweep
