#include "sweep/simulate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace saesweep::sweep {
namespace {

UnitCost unit(std::vector<double> cells, double forward = 0) {
  const size_t n = cells.size();
  return {.cell_seconds = std::move(cells), .forward_seconds = std::vector<double>(n, forward)};
}

TEST(Simulate, GivesWholeUnitsLongestFirstToTheRankThatIsFreeFirst) {
  const std::vector<double> speeds = {1, 1};
  const Simulation run = simulate({unit({3}), unit({5}), unit({4}), unit({3})}, speeds, false);
  ASSERT_EQ(run.ranks.size(), 2u);
  EXPECT_EQ(run.ranks[0].work, (std::vector<Assignment>{{1, 0, 1, 5}, {3, 0, 1, 3}}));
  EXPECT_EQ(run.ranks[1].work, (std::vector<Assignment>{{2, 0, 1, 4}, {0, 0, 1, 3}}));
  EXPECT_EQ(run.ranks[0].begins, (std::vector<double>{0, 5}));
  EXPECT_EQ(run.ranks[1].begins, (std::vector<double>{0, 4}));
  EXPECT_EQ(run.ranks[0].end, 8);
  EXPECT_EQ(run.ranks[1].end, 7);
  EXPECT_EQ(run.ranks[1].busy_seconds, 7);
  EXPECT_EQ(run.makespan, 8);
  EXPECT_EQ(run.n_parts, 0u);
}

TEST(Simulate, WorkTakesItsSecondsBySpeedAndFactor) {
  const std::vector<double> speeds = {0.5};
  const auto factor = [](size_t unit) { return unit == 0 ? 3.0 : 1.0; };
  const Simulation run = simulate({unit({3}), unit({2})}, speeds, false, factor);
  EXPECT_EQ(run.makespan, 3 * 3 / 0.5 + 2 / 0.5);
}

TEST(Simulate, ARankDoesOneThingAtATime) {
  const std::vector<double> speeds = {1, 0.3, 0.7};
  std::vector<UnitCost> units;
  for (int i = 0; i < 40; ++i) units.push_back(unit({1.0 + i % 7, 2, 3}, 0.5));
  const Simulation run = simulate(units, speeds);
  for (size_t rank = 0; rank < speeds.size(); ++rank) {
    const auto& [work, begins, end, busy_seconds] = run.ranks[rank];
    ASSERT_EQ(work.size(), begins.size());
    for (size_t i = 0; i < work.size(); ++i) {
      const double next = i + 1 < work.size() ? begins[i + 1] : end;
      EXPECT_LE(begins[i] + work[i].seconds / speeds[rank], next + 1e-9);
    }
    EXPECT_LE(busy_seconds, end + 1e-9);
  }
}

TEST(Simulate, CountsPartsOfUnits) {
  const std::vector<double> speeds(4, 1);
  EXPECT_EQ(simulate({unit({1, 1, 1, 1})}, speeds, true).n_parts, 4u);
  EXPECT_EQ(simulate({unit({1, 1, 1, 1})}, speeds, false).n_parts, 0u);
}

TEST(Simulate, ARankWithoutWorkEndsAtNought) {
  const std::vector<double> speeds(3, 1);
  const Simulation run = simulate({unit({2})}, speeds);
  EXPECT_EQ(std::ranges::count(run.ranks, 0.0, &SimulatedRank::end), 2);
  EXPECT_EQ(run.makespan, 2);
  EXPECT_EQ(simulate({}, speeds).makespan, 0);
}

TEST(Simulate, EqualNumbersInEqualNumbersOut) {
  std::vector<UnitCost> units;
  for (int i = 0; i < 60; ++i) units.push_back(unit({1.0 + i % 5, 0.5 * (i % 3)}, 0.1));
  const std::vector<double> speeds = {1, 1, 0.5, 0.25, 2};
  const auto factor = [](size_t unit) { return 0.5 + static_cast<double>(unit % 4); };
  const Simulation a = simulate(units, speeds, true, factor), b = simulate(units, speeds, true, factor);
  EXPECT_EQ(a.makespan, b.makespan);
  for (size_t rank = 0; rank < speeds.size(); ++rank) {
    EXPECT_EQ(a.ranks[rank].work, b.ranks[rank].work);
    EXPECT_EQ(a.ranks[rank].begins, b.ranks[rank].begins);
  }
}

}  // namespace
}  // namespace saesweep::sweep
