#include "sweep/units.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <string>

#include "base/errors.h"
#include "base/machine_memory.h"
#include "sweep/small_sweep.h"

namespace saesweep::sweep {
namespace {

class Units : public testing::Test {
 protected:
  std::vector<Unit> divide(int64_t cells_per_unit = 0) const {
    return make_units(cells_, {.threads = 1, .cells_per_unit = cells_per_unit}, cost_);
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

TEST_F(Units, GroupsStayWholeWhereMemoryAllows) {
  EXPECT_EQ(sizes_of(divide()), (std::vector<size_t>(5, 12)));
}

TEST_F(Units, CostsForTheSchedulerAddUpToTheUnits) {
  for (const auto& unit : divide(5)) {
    const UnitCost seconds = unit_cost(unit, cells_, cost_);
    ASSERT_EQ(seconds.cell_seconds.size(), unit.cells.size());
    ASSERT_EQ(seconds.forward_seconds.size(), unit.cells.size());
    const double forward = std::ranges::max(seconds.forward_seconds);
    const double together = std::accumulate(seconds.cell_seconds.begin(), seconds.cell_seconds.end(), forward);
    EXPECT_NEAR(together / unit.cost_seconds, 1, 1e-12);
    // Higher hookpoints need more of the forward pass.
    EXPECT_TRUE(std::ranges::is_sorted(seconds.forward_seconds));
  }
}

TEST_F(Units, HoldEveryCellOnceInOrderWithinOneGroup) {
  for (const int64_t size : {0, 1, 5, 12, 100}) {
    std::set<size_t> seen;
    const auto groups = make_groups(cells_);
    for (const auto& unit : divide(size)) {
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
  EXPECT_EQ(sizes_of(divide(5)), (std::vector<size_t>(15, 4)));
  EXPECT_EQ(sizes_of(divide(1)), (std::vector<size_t>(60, 1)));
}

TEST_F(Units, StandLongestFirstThenByFirstCell) {
  const auto units = divide(4);
  for (size_t i = 1; i < units.size(); ++i) {
    EXPECT_GE(units[i - 1].cost_seconds, units[i].cost_seconds);
    if (units[i - 1].cost_seconds == units[i].cost_seconds) {
      EXPECT_LT(units[i - 1].cells.front(), units[i].cells.front());
    }
  }
}

TEST_F(Units, FitIntoTheMemoryThereIs) {
  const auto whole = divide();
  const uint64_t memory = whole.front().memory_bytes / 2;
  const auto units = make_units(cells_, {}, cost_, memory);
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
  const auto units = make_units(cells_, {}, cost);
  EXPECT_EQ(units.front().buffer_bytes, 1'000'000 * d * 2 * 6);  // six layers
  const uint64_t one = 1'000'000 * d * 2;
  const auto cut = make_units(cells_, {}, cost, 3 * one);
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
