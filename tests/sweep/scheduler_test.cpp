#include "sweep/scheduler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <queue>
#include <vector>

#include "base/random.h"
#include "sweep/simulate.h"

namespace saesweep::sweep {
namespace {

using Answer = Scheduler::Answer;

UnitCost unit(std::vector<double> cells, double forward = 0) {
  const size_t n = cells.size();
  return {.cell_seconds = std::move(cells), .forward_seconds = std::vector<double>(n, forward)};
}

double whole_seconds(const UnitCost& unit) {
  return unit.seconds(0, unit.cell_seconds.size());
}

//! A random fleet and random work, by number: units of 1 to 12 cells, ranks down to a twentieth of the speed, units
//! that take up to a few times what was predicted.
struct Trial {
  explicit Trial(int64_t number) : stream{"scheduler_test", number} {
    speeds.resize(1 + below(24));
    for (double& speed : speeds) speed = below(4) == 0 ? 0.05 + 0.95 * uniform() : 1;
    units.resize(below(4) == 0 ? below(speeds.size() + 1) : below(400));
    for (UnitCost& unit : units) {
      const double scale = std::exp(2 * normal());
      unit.cell_seconds.resize(1 + below(12));
      for (double& seconds : unit.cell_seconds) seconds = below(20) == 0 ? 0 : scale * uniform();
      double forward = 0;
      for (size_t i = 0; i < unit.cell_seconds.size(); ++i) {
        unit.forward_seconds.push_back(forward += 0.1 * scale * uniform());
      }
      const double sigma = number % 3 == 0 ? 0 : 0.3;
      factors.push_back(std::exp(sigma * normal()));
    }
  }

  size_t below(size_t n) { return static_cast<size_t>(uniform() * static_cast<double>(n)); }
  double uniform() { return stream.uniform(n_drawn++); }
  double normal() { return stream.normal(n_drawn++); }
  double total() const {
    double total = 0;
    for (size_t i = 0; i < units.size(); ++i) total += factors[i] * whole_seconds(units[i]);
    return total;
  }
  double longest() const {
    double longest = 0;
    for (size_t i = 0; i < units.size(); ++i) longest = std::max(longest, factors[i] * whole_seconds(units[i]));
    return longest;
  }
  //! No schedule of whole units that keeps ranks at work takes longer.
  double limit() const {
    return total() / std::accumulate(speeds.begin(), speeds.end(), 0.0) + longest() / std::ranges::min(speeds);
  }
  Simulation simulate(bool splits) const {
    return sweep::simulate(units, speeds, splits, [&](size_t unit) { return factors[unit]; });
  }

  Stream stream;
  uint64_t n_drawn = 0;
  std::vector<double> speeds;
  std::vector<UnitCost> units;
  std::vector<double> factors;
};

//! How often each cell of each unit was handed out.
class Tally {
 public:
  explicit Tally(const std::vector<UnitCost>& units) {
    for (const UnitCost& unit : units) counts_.emplace_back(unit.cell_seconds.size());
  }
  void take(const Assignment& work) {
    ASSERT_LT(work.first, work.last);
    for (size_t cell = work.first; cell < work.last; ++cell) ++counts_.at(work.unit).at(cell);
  }
  bool each_is_once() const {
    return std::ranges::all_of(counts_,
                               [](const auto& unit) { return std::ranges::count(unit, 1) == std::ssize(unit); });
  }

 private:
  std::vector<std::vector<int>> counts_;
};

TEST(Scheduler, HandsOutTheLongestFirstAndEqualsInOrder) {
  Scheduler scheduler({unit({2}), unit({5}), unit({2}), unit({1, 3}, 0.5)}, 1);
  EXPECT_DOUBLE_EQ(scheduler.seconds_left(), 13.5);
  std::vector<size_t> order;
  for (double now = 0; order.size() < 4; now += 5) {
    const auto reply = scheduler.next(0, now);
    ASSERT_EQ(reply.answer, Answer::kWork);
    order.push_back(reply.work.unit);
  }
  EXPECT_EQ(order, (std::vector<size_t>{1, 3, 0, 2}));
  EXPECT_EQ(scheduler.seconds_left(), 0);
  EXPECT_EQ(scheduler.next(0, 99).answer, Answer::kNoMore);
  EXPECT_EQ(scheduler.next(0, 99).answer, Answer::kNoMore);
}

TEST(Scheduler, SecondsOfAPartHoldItsOwnCellsAndItsLongestForwardPass) {
  const UnitCost cost{.cell_seconds = {1, 2, 4}, .forward_seconds = {10, 20, 30}};
  EXPECT_EQ(cost.seconds(0, 3), 37);
  EXPECT_EQ(cost.seconds(0, 2), 23);
  EXPECT_EQ(cost.seconds(1, 1), 0);
}

TEST(Scheduler, NoUnitsIsNoMoreForAnyRank) {
  for (Scheduler scheduler : {Scheduler({}, 2), Scheduler({unit({})}, 2)}) {
    EXPECT_EQ(scheduler.next(0, 0).answer, Answer::kNoMore);
    EXPECT_EQ(scheduler.next(1, 0).answer, Answer::kNoMore);
  }
}

TEST(Scheduler, EachCellIsHandedOutOnce) {
  for (int64_t number = 0; number < 300; ++number) {
    const Trial trial(number);
    for (const bool splits : {true, false}) {
      Tally tally(trial.units);
      const Simulation run = trial.simulate(splits);
      for (const SimulatedRank& rank : run.ranks) {
        for (const Assignment& work : rank.work) tally.take(work);
      }
      EXPECT_TRUE(tally.each_is_once()) << "trial " << number << ", splits " << splits;
      EXPECT_TRUE(splits || run.n_parts == 0);
    }
  }
}

TEST(Scheduler, NeverTakesLongerThanAllPouredAndTheLongestUnitOnTheSlowestRank) {
  for (int64_t number = 0; number < 1000; ++number) {
    const Trial trial(number);
    for (const bool splits : {true, false}) {
      EXPECT_LE(trial.simulate(splits).makespan, trial.limit() * (1 + 1e-9))
          << "trial " << number << ", splits " << splits;
    }
  }
}

TEST(Scheduler, TheSameQuestionsHaveTheSameAnswers) {
  for (int64_t number = 0; number < 20; ++number) {
    const Trial trial(number);
    const Simulation a = trial.simulate(true), b = trial.simulate(true);
    for (size_t rank = 0; rank < trial.speeds.size(); ++rank) EXPECT_EQ(a.ranks[rank].work, b.ranks[rank].work);
  }
}

TEST(Scheduler, CutsAGroupWhereRanksWouldIdle) {
  const std::vector<double> speeds(8, 1);
  EXPECT_LE(simulate({unit(std::vector<double>(16, 1), 0.1)}, speeds).makespan, 3);
  EXPECT_EQ(simulate({unit(std::vector<double>(16, 1), 0.1)}, speeds, false).makespan, 16.1);
}

TEST(Scheduler, LeavesAGroupWholeWhereItsForwardPassesAreNearlyAllOfIt) {
  const std::vector<double> speeds(8, 1);
  EXPECT_EQ(simulate({unit(std::vector<double>(16, 1), 100)}, speeds).n_parts, 0u);
}

// Five groups of a small model on two ranks, where forward passes are a quarter of a group's time.
TEST(Scheduler, CutsTheLastGroupWhereARankWouldIdle) {
  const std::vector<double> speeds(2, 1);
  const Simulation run = simulate(std::vector<UnitCost>(5, unit(std::vector<double>(12, 10), 35)), speeds);
  EXPECT_EQ(run.n_parts, 2u);
  EXPECT_LT(run.makespan, 2 * 155 + 110);
}

TEST(Scheduler, CutsNothingWhereWholeUnitsFillTheRanks) {
  const std::vector<double> speeds(4, 1);
  const std::vector<UnitCost> units(4, unit({1, 1, 1, 1}, 0.5));
  const Simulation run = simulate(units, speeds);
  EXPECT_EQ(run.n_parts, 0u);
  EXPECT_EQ(run.makespan, 4.5);
}

TEST(Scheduler, CutsGainOnTheWhole) {
  double ratios = 0;
  int n = 0;
  for (int64_t number = 0; number < 300; ++number) {
    const Trial trial(number);
    const double cut = trial.simulate(true).makespan, whole = trial.simulate(false).makespan;
    if (whole == 0) continue;
    ratios += std::log(cut / whole);
    ++n;
  }
  EXPECT_LT(ratios / n, -0.05);
}

TEST(Scheduler, CutsNeverLoseWhereAllGoesAsPredicted) {
  for (int64_t number = 0; number < 300; ++number) {
    Trial trial(number);
    std::ranges::fill(trial.factors, 1);
    std::ranges::fill(trial.speeds, 1);
    EXPECT_LE(trial.simulate(true).makespan, 1.05 * trial.simulate(false).makespan) << "trial " << number;
  }
}

TEST(Scheduler, ASlowRankLeavesTheLastUnitsToFastOnes) {
  const std::vector<double> speeds = {1, 1, 1, 0.01};
  const std::vector<UnitCost> units(60, unit({1}));
  // It begins one before its speed is known, and gets none after.
  const Simulation run = simulate(units, speeds, false);
  EXPECT_EQ(run.ranks[3].work.size(), 1u);
  EXPECT_LE(run.makespan, 100);
}

TEST(Scheduler, FewerUnitsThanRanksGoOutAtOnce) {
  const std::vector<double> speeds(10, 1);
  const Simulation run = simulate({unit({3}), unit({2}), unit({1})}, speeds);
  EXPECT_EQ(run.makespan, 3);
  EXPECT_EQ(std::ranges::count_if(run.ranks, [](const SimulatedRank& rank) { return !rank.work.empty(); }), 3);
}

TEST(Scheduler, WorkThatCostsNothingIsHandedOut) {
  const std::vector<UnitCost> units = {unit({0, 0, 0}), unit({0}), unit({1e-12, 0, 3}), unit({0}, 0)};
  for (const bool splits : {true, false}) {
    for (const int n_ranks : {1, 3, 9}) {
      Scheduler scheduler(units, n_ranks, splits);
      Tally tally(units);
      int n_more = n_ranks;
      for (double now = 0; n_more > 0 && now < 1000; ++now) {
        n_more = 0;
        for (int rank = 0; rank < n_ranks; ++rank) {
          const auto reply = scheduler.next(rank, now);
          if (reply.answer == Answer::kWork) tally.take(reply.work);
          n_more += reply.answer == Answer::kNoMore ? 0 : 1;
        }
      }
      EXPECT_TRUE(tally.each_is_once()) << n_ranks << " ranks";
    }
  }
}

//! Ranks at work by a clock of their own; some may leave, and speeds may change.
class Fleet {
 public:
  Fleet(std::vector<UnitCost> units, int n_ranks, bool splits = true)
      : tally(units), scheduler_(std::move(units), n_ranks, splits), is_gone_(static_cast<size_t>(n_ranks)) {
    for (int rank = 0; rank < n_ranks; ++rank) waiting_.push_back(rank);
  }

  //! It asks no more, even if it is at work.
  void leave(int rank) { is_gone_[rank] = true; }

  //! Until all is handed out, or `until`; false where ranks are left that wait at that time.
  bool run(const std::function<double(int rank, double now)>& speed, double until, double ask_period) {
    for (; now < until; now += ask_period) {
      for (; !busy_.empty() && busy_.top().first <= now; busy_.pop()) waiting_.push_back(busy_.top().second);
      std::erase_if(waiting_, [&](int rank) { return is_gone_[rank] || has_answer(rank, speed(rank, now)); });
      // Nobody is at work: somebody has to be given some, since nothing else will happen.
      EXPECT_TRUE(waiting_.empty() || n_at_work() > 0 || n_gone() > 0) << "all wait at " << now;
      if (waiting_.empty() && n_at_work() == 0) return true;
    }
    return false;
  }

  double now = 0;
  Tally tally;

 private:
  bool has_answer(int rank, double speed) {
    const auto reply = scheduler_.next(rank, now);
    if (reply.answer == Answer::kWork) {
      tally.take(reply.work);
      busy_.emplace(now + reply.work.seconds / speed, rank);
    }
    return reply.answer != Answer::kWait;
  }
  size_t n_gone() const { return static_cast<size_t>(std::ranges::count(is_gone_, true)); }
  size_t n_at_work() const {
    auto busy = busy_;
    size_t n = 0;
    for (; !busy.empty(); busy.pop()) n += is_gone_[busy.top().second] ? 0 : 1;
    return n;
  }

  using Event = std::pair<double, int>;
  Scheduler scheduler_;
  std::vector<bool> is_gone_;
  std::vector<int> waiting_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> busy_;
};

TEST(Scheduler, SomebodyGetsWorkWhereAllWait) {
  for (int64_t number = 0; number < 200; ++number) {
    const Trial trial(number);
    const int n_ranks = static_cast<int>(trial.speeds.size());
    Fleet fleet(trial.units, n_ranks, number % 2 == 0);
    const double limit = trial.limit() + 1;
    EXPECT_TRUE(fleet.run([&](int rank, double) { return trial.speeds[rank]; }, 3 * limit, limit / 500)) << number;
    EXPECT_TRUE(fleet.tally.each_is_once()) << number;
  }
}

TEST(Scheduler, RanksThatLeaveHoldUpNoOthers) {
  for (int64_t number = 0; number < 200; ++number) {
    Trial trial(number);
    const int n_ranks = static_cast<int>(trial.speeds.size());
    Fleet fleet(trial.units, n_ranks, number % 2 == 0);
    const auto speed = [&](int rank, double) { return trial.speeds[rank]; };
    const double limit = trial.limit() + 1;
    fleet.run(speed, trial.uniform() * limit, limit / 500);
    // The fastest, too, for which others wait; but one stays.
    for (int rank = 1; rank < n_ranks; ++rank) {
      if (trial.below(2) == 0) fleet.leave(rank);
    }
    const double alone = 3 * trial.total() / std::ranges::min(trial.speeds);
    EXPECT_TRUE(fleet.run(speed, fleet.now + 10 * limit + alone, limit / 500)) << number;
    EXPECT_TRUE(fleet.tally.each_is_once()) << number;
  }
}

TEST(Scheduler, SpeedsThatChangeAHundredfoldHoldUpNobodyForEver) {
  for (int64_t number = 0; number < 100; ++number) {
    Trial trial(number);
    const int n_ranks = static_cast<int>(trial.speeds.size());
    Fleet fleet(trial.units, n_ranks, number % 2 == 0);
    const double limit = trial.limit() + 1;
    const double turn = trial.uniform() * limit;
    const auto speed = [&](int rank, double now) {
      const bool is_slow = (now < turn) == (rank % 2 == 0);
      return is_slow ? 0.01 : 1;
    };
    EXPECT_TRUE(fleet.run(speed, 200 * limit + 200 * trial.total(), limit / 100)) << number;
    EXPECT_TRUE(fleet.tally.each_is_once()) << number;
  }
}

}  // namespace
}  // namespace saesweep::sweep
