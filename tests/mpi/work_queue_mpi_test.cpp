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
    mine.push_back(*item);
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
