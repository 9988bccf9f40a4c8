#include "app/status_rates.h"

#include <gtest/gtest.h>

#include <cmath>

#include "app/status_samples.h"

namespace saesweep::app {
namespace {

using results::Stage;
using results::State;

TEST(Rates, AreOfTheLastTwoMinutes) {
  RankLog log = rank_at(0, {"a"});
  log.work = {{0, 0, 0, 0}, {100, 1'000, 0, 0}, {200, 21'000, 0, 50}};
  EXPECT_EQ(rates_of(log).trained_tokens, 200);
  EXPECT_EQ(rates_of(log).judged_requests, 0.5);
  log.work.resize(1);
  EXPECT_TRUE(std::isnan(rates_of(log).trained_tokens)) << "one moment says nothing";
  log = rank_at(0, {"a"});
  log.at_work.reset();
  EXPECT_TRUE(std::isnan(rates_of(log).trained_tokens)) << "it has no work any more";
}

TEST(Rates, AreSummedOverRunningJobs) {
  auto status = status_of({}, {rank_at(0, {"a"}), rank_at(1, {"b"}), RankLog{}}, "host");
  EXPECT_EQ(rates_of(status).trained_tokens, 200);
  EXPECT_EQ(rates_of(status).n_ranks, 2);
  status.jobs.front().holder = "";
  EXPECT_TRUE(std::isnan(rates_of(status).trained_tokens));
}

TEST(TimeLeft, IsWhatTheRunItselfSaidLast) {
  const std::vector<CellProgress> cells = {cell_of("b", State::kStarted, Stage::kNone)};
  auto status = status_of(cells, {rank_at(0, {"b"}), rank_at(1, {})}, "host");
  EXPECT_DOUBLE_EQ(time_left(status).device, 29);
  EXPECT_DOUBLE_EQ(time_left(status).total(), 29);
  status.now += 60;
  EXPECT_EQ(time_left(status).device, 0) << "its last word is old";
}

TEST(TimeLeft, IsOfTheJobThatNeedsLongest) {
  auto status = status_of({}, {rank_at(0, {"b"})}, "host");
  status.jobs.push_back(status.jobs.front());
  status.jobs.push_back(status.jobs.front());
  status.jobs[1].ranks.front().seconds_left = 100;
  status.jobs[2].holder = "";
  status.jobs[2].ranks.front().seconds_left = 1000;
  EXPECT_DOUBLE_EQ(time_left(status).device, 99);
}

// Two cells took 40 requests; five more at 0.4 requests a second.
TEST(TimeLeft, AJudgeThatIsBehindTakesTheRequestsOfSuchCells) {
  const std::vector<CellProgress> cells(5, cell_of("d", State::kStarted, Stage::kHarvested));
  auto log = rank_at(0, {});
  log.at_work.reset();
  log.seconds_left = 0;
  log.work.back().judged_requests = 40;
  log.judge = LoggedJudge{5};
  auto status = status_of(cells, {log}, "host");
  EXPECT_TRUE(std::isnan(time_left(status).judge)) << "no cell was scored yet";
  EXPECT_EQ(time_left(status).device, 0);
  auto& judging = status.jobs.front().ranks.front();
  judging.scored = {50, 90};
  EXPECT_DOUBLE_EQ(time_left(status).judge, 250);
  judging.judge->open_cells = 0;
  EXPECT_EQ(time_left(status).judge, 0) << "it keeps up";
}

TEST(TimeLeft, IsUnknownBeforeAnythingIs) {
  auto log = rank_at(0, {"b"});
  log.seconds_left = kUnknown;
  EXPECT_TRUE(std::isnan(time_left(status_of({cell_of("b", State::kStarted, Stage::kNone)}, {log}, "host")).device));
}

TEST(SlowUnits, TheWorstStandFirst) {
  auto status = status_of({}, {rank_at(0, {"b"}), rank_at(1, {})}, "host");
  auto& ranks = status.jobs.front().ranks;
  ranks[1].at_work.reset();
  // At work for 101 s by now, against 50 predicted.
  ranks[1].finished = {LoggedUnit{{"x"}, 1, 0, 30, 10}, LoggedUnit{{"y"}, 1, 0, 5, 10},
                       LoggedUnit{{"z"}, 1, 0, 90, 10, true}, LoggedUnit{{"u"}, 1, 0, 90, kUnknown}};
  const auto units = slowest_units(status, 2);
  ASSERT_EQ(units.size(), 2U);
  EXPECT_EQ(units[0].unit.cells.front(), "x");
  EXPECT_FALSE(units[0].is_at_work);
  EXPECT_EQ(units[1].unit.cells.front(), "b");
  EXPECT_TRUE(units[1].is_at_work);
  EXPECT_DOUBLE_EQ(units[1].ratio(), 101.0 / 50);
}

TEST(SilentRanks, AreThoseThatShouldHaveSaidSomething) {
  auto silent = rank_at(0, {"b"}), idle = rank_at(1, {}), ended = rank_at(2, {"c"}), fresh = rank_at(3, {"d"});
  idle.at_work.reset();
  ended.has_ended = true;
  for (RankLog* log : {&silent, &idle, &ended}) log->last_time = kNow - 100;
  auto status = status_of({}, {silent, idle, ended, fresh}, "host");
  const auto ranks = silent_ranks(status);
  ASSERT_EQ(ranks.size(), 1U);
  EXPECT_EQ(ranks.front().rank, 0);
  EXPECT_DOUBLE_EQ(ranks.front().seconds, 100);
  status.jobs.front().holder = "";
  EXPECT_TRUE(silent_ranks(status).empty());
}

}  // namespace
}  // namespace saesweep::app
