#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <numeric>

#include "base/errors.h"
#include "mpi/work_queue.h"

namespace saesweep::mpi {
namespace {

std::string joined(const std::vector<int64_t>& items) {
  std::string text;
  for (const int64_t item : items) text += std::to_string(item) + " ";
  return text;
}

// All items that any rank got, sorted; the same on every rank.
std::vector<int64_t> all_items(const Comm& world, const std::vector<int64_t>& mine) {
  std::vector<int64_t> all;
  for (const std::string& text : world.all_gather(joined(mine))) {
    size_t at = 0;
    while (at < text.size()) {
      const size_t end = text.find(' ', at);
      all.push_back(std::stoll(text.substr(at, end - at)));
      at = end + 1;
    }
  }
  std::sort(all.begin(), all.end());
  return all;
}

std::vector<int64_t> up_to(int64_t n) {
  std::vector<int64_t> numbers(static_cast<size_t>(n));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

std::vector<int64_t> take_all(WorkQueue& queue, useconds_t work_us = 0) {
  std::vector<int64_t> mine;
  while (const auto item = queue.next()) {
    mine.push_back(item->front());
    if (work_us) usleep(work_us);
  }
  return mine;
}

TEST(WorkQueue, HandsOutEachItemOnceAndInOrder) {
  const Comm world = Comm::world();
  WorkQueue queue(world, 500);
  const auto mine = take_all(queue);
  queue.finish();
  EXPECT_TRUE(std::is_sorted(mine.begin(), mine.end()));
  EXPECT_EQ(all_items(world, mine), up_to(500));
}

TEST(WorkQueue, GivesASlowRankLess) {
  const Comm world = Comm::world();
  WorkQueue queue(world, 60);
  const auto mine = take_all(queue, world.is_root() ? 20'000 : 1'000);
  queue.finish();
  EXPECT_EQ(all_items(world, mine), up_to(60));
  if (world.is_root() && world.size() > 1) {
    EXPECT_LT(mine.size(), 60u / static_cast<unsigned>(world.size()));
  }
}

TEST(WorkQueue, MoreRanksThanItemsEndsForAll) {
  const Comm world = Comm::world();
  for (const int64_t n_items : {0, 1}) {
    WorkQueue queue(world, n_items);
    const auto mine = take_all(queue);
    EXPECT_FALSE(queue.next()) << "asked again after the end";
    queue.finish();
    EXPECT_EQ(all_items(world, mine), up_to(n_items));
  }
}

TEST(WorkQueue, ARankThatLeavesEarlyHoldsNobodyUp) {
  const Comm world = Comm::world();
  WorkQueue queue(world, 20);
  std::vector<int64_t> mine;
  if (world.rank() != world.size() - 1 || world.size() == 1) mine = take_all(queue);
  queue.finish();
  EXPECT_FALSE(queue.next());
  EXPECT_EQ(all_items(world, mine), up_to(20));
}

TEST(WorkQueue, ReportsComeInTheOrderOfTheirRankBeforeFinishReturns) {
  const Comm world = Comm::world();
  std::map<int, std::vector<int>> reports;
  WorkQueue queue(world, 3, [&](int rank, std::span<const std::byte> bytes) {
    int number = 0;
    ASSERT_EQ(bytes.size(), sizeof number);
    std::memcpy(&number, bytes.data(), sizeof number);
    reports[rank].push_back(number);
  });
  take_all(queue);
  for (int number = 0; number < 100; ++number) queue.report(std::as_bytes(std::span(&number, 1)));
  queue.finish();
  std::vector<int> expected(100);
  std::iota(expected.begin(), expected.end(), 0);
  for (int rank = 0; rank < (world.is_root() ? world.size() : 0); ++rank) EXPECT_EQ(reports[rank], expected);
  EXPECT_THROW(queue.report({}), SystemError);
}

TEST(WorkQueue, ACallbackThatThrowsIsHeardAtFinishAndStopsNoRank) {
  const Comm world = Comm::world();
  WorkQueue queue(world, 10, [](int, std::span<const std::byte>) { throw SystemError("no progress line"); });
  queue.report({});
  const auto mine = take_all(queue);
  if (world.is_root()) {
    EXPECT_THROW(queue.finish(), SystemError);
  } else {
    queue.finish();
  }
  EXPECT_EQ(all_items(world, mine), up_to(10));
}

TEST(WorkQueue, ItemsAreTheNumbersThatTheAnswerGives) {
  const Comm world = Comm::world();
  int n_given = 0;
  WorkQueue queue(world, [&](int rank) -> WorkAnswer {
    if (n_given++ >= 20) return {};
    return {WorkAnswer::Kind::kItem, std::vector<int64_t>(static_cast<size_t>(rank), -1'000'000'000'000 - rank)};
  });
  const auto rank = static_cast<size_t>(world.rank());
  while (const auto item = queue.next())
    EXPECT_EQ(*item, std::vector<int64_t>(rank, -1'000'000'000'000 - world.rank()));
  queue.finish();
  EXPECT_EQ(n_given, world.is_root() ? 20 + world.size() : 0);
}

TEST(WorkQueue, ARankThatIsToWaitIsAskedForAgainUntilItGetsItsItem) {
  const Comm world = Comm::world();
  std::map<int, int> n_asked;
  WorkQueue queue(world, [&](int rank) -> WorkAnswer {
    const int n = ++n_asked[rank];
    if (n <= 5) return {WorkAnswer::Kind::kWait};
    if (n == 6) return {WorkAnswer::Kind::kItem, {rank}};
    return {};
  });
  EXPECT_EQ(take_all(queue), std::vector<int64_t>{world.rank()});
  queue.finish();
  for (int rank = 0; rank < (world.is_root() ? world.size() : 0); ++rank) EXPECT_EQ(n_asked[rank], 7);
}

TEST(WorkQueue, ARankThatWaitsGetsWhatAnotherLeavesOrFinishes) {
  const Comm world = Comm::world();
  const int last = world.size() - 1;
  bool has_last = false, has_finished = false;
  // All wait until the last rank has done its item and asks again.
  WorkQueue queue(world, [&](int rank) -> WorkAnswer {
    if (rank == last && has_last) has_finished = true;
    if (has_finished) return {};
    if (rank != last || has_last) return {WorkAnswer::Kind::kWait};
    has_last = true;
    return {WorkAnswer::Kind::kItem, {7}};
  });
  const auto mine = take_all(queue, 20'000);
  queue.finish();
  EXPECT_EQ(all_items(world, mine), std::vector<int64_t>{7});
}

TEST(WorkQueue, AStopOfAnyRankReachesAllAndEndsTheWaiting) {
  const Comm world = Comm::world();
  for (int stopper = 0; stopper < world.size(); ++stopper) {
    WorkQueue queue(world, [&](int rank) -> WorkAnswer {
      if (rank != stopper) return {WorkAnswer::Kind::kWait};
      return {WorkAnswer::Kind::kItem, {rank}};
    });
    if (world.rank() == stopper) {
      EXPECT_EQ(queue.next(), std::vector<int64_t>{stopper});
      EXPECT_FALSE(queue.is_stopped());
      queue.stop();
      EXPECT_TRUE(queue.is_stopped());
    }
    EXPECT_FALSE(queue.next()) << "rank " << world.rank() << ", stopped by " << stopper;
    EXPECT_TRUE(queue.is_stopped());
    queue.finish();
    EXPECT_TRUE(queue.is_stopped());
  }
}

TEST(WorkQueue, AStopIsSeenBetweenStepsOfWork) {
  const Comm world = Comm::world();
  WorkQueue queue(world, [](int) -> WorkAnswer { return {WorkAnswer::Kind::kItem, {0}}; });
  EXPECT_TRUE(queue.next());
  world.barrier();
  EXPECT_FALSE(queue.is_stopped());
  world.barrier();
  if (world.rank() == world.size() - 1) queue.stop();
  while (!queue.is_stopped()) usleep(1000);
  EXPECT_FALSE(queue.next());
  queue.finish();
}

TEST(WorkQueue, AllMayStopAtOnceAndAfterSomeHaveFinished) {
  const Comm world = Comm::world();
  for (int round = 0; round < 20; ++round) {
    WorkQueue queue(world, [](int) -> WorkAnswer { return {WorkAnswer::Kind::kItem, {0}}; });
    if (world.rank() % 2 == 0) queue.next();
    queue.stop();
    queue.finish();
    queue.stop();
    EXPECT_FALSE(queue.next());
  }
  // No word of an earlier queue comes here.
  WorkQueue queue(world, 10);
  const auto mine = take_all(queue);
  EXPECT_FALSE(queue.is_stopped());
  queue.finish();
  EXPECT_EQ(all_items(world, mine), up_to(10));
}

TEST(WorkQueue, IdleIsCalledWhileARankWaitsAndMayStopOrThrow) {
  const Comm world = Comm::world();
  WorkQueue queue(world, [](int) -> WorkAnswer { return {WorkAnswer::Kind::kWait}; });
  if (!world.is_root()) {
    EXPECT_FALSE(queue.next()) << "until rank 0 stops all";
  } else {
    EXPECT_THROW(queue.next([] { throw NumericError("in idle"); }), NumericError);
    EXPECT_FALSE(queue.is_stopped());
    EXPECT_FALSE(queue.next([&] { queue.stop(); })) << "it had asked already";
  }
  queue.finish();
}

TEST(WorkQueue, AnAnswerThatThrowsEndsTheWorkForAllAndIsHeardAtFinish) {
  const Comm world = Comm::world();
  int n_given = 0;
  WorkQueue queue(world, [&](int) -> WorkAnswer {
    if (n_given == 5) throw SystemError("no unit of this number");
    return {WorkAnswer::Kind::kItem, {n_given++}};
  });
  const auto mine = take_all(queue);
  if (world.is_root()) {
    EXPECT_THROW(queue.finish(), SystemError);
  } else {
    queue.finish();
  }
  EXPECT_EQ(all_items(world, mine), up_to(5));
}

TEST(WorkQueue, AnExceptionOnARankUnwindsWithoutWaitingForTheOthers) {
  const Comm world = Comm::world();
  EXPECT_THROW(
      {
        WorkQueue queue(world, 10);
        throw NumericError("loss is NaN");
      },
      NumericError);
}

}  // namespace
}  // namespace saesweep::mpi
