#include "sweep/work_left.h"

#include <gtest/gtest.h>

namespace saesweep::sweep {
namespace {

TEST(CellWork, IsLeftByTheSharesOfItsStages) {
  CellWork work{.seconds = {.train = 100, .evaluate = 20, .harvest = 8}, .trained = 0.75, .evaluated = 0.5};
  EXPECT_DOUBLE_EQ(work.left(), 25 + 10 + 8);
  work.finish();
  EXPECT_EQ(work.left(), 0);
}

TEST(WorkRate, CountsFromTheFirstSignOfWork) {
  WorkRate rate;
  rate.add(0, 0);
  rate.add(60, 1);  // a minute of start and its one step
  EXPECT_FALSE(rate.at(60));
  for (int second = 61; second <= 69; ++second) rate.add(second, 3);
  EXPECT_FALSE(rate.at(69)) << "too little to go by";
  rate.add(70, 3);
  EXPECT_DOUBLE_EQ(rate.at(70).value(), 3);
  EXPECT_DOUBLE_EQ(rate.at(80).value(), 1.5) << "no work is slow work";
}

TEST(WorkRate, IsOfTheLastTwoMinutes) {
  WorkRate rate;
  for (int second = 0; second <= 1000; ++second) rate.add(second, 1);
  EXPECT_DOUBLE_EQ(rate.at(1000).value(), 1);
  for (int second = 1001; second <= 1120; ++second) rate.add(second, 4);
  EXPECT_DOUBLE_EQ(rate.at(1120).value(), 4);
  for (int second = 1121; second <= 1180; ++second) rate.add(second, 2);
  EXPECT_DOUBLE_EQ(rate.at(1180).value(), 3);
}

//! A rank does so much a second, from `begin` to `end`.
void work(WorkLeft& left, int rank, int begin, int end, double a_second) {
  for (int second = begin; second < end; ++second) left.take(rank, second, a_second, 0);
}

TEST(WorkLeft, IsUnknownUntilTheRanksThatHaveBegunTellTheirSpeed) {
  WorkLeft left(100);
  EXPECT_FALSE(left.seconds(0));
  left.begin(0, 30);
  work(left, 0, 0, 11, 1);
  EXPECT_DOUBLE_EQ(left.seconds(10).value(), 89) << "one rank does all";
  left.begin(1, 30);
  EXPECT_FALSE(left.seconds(10));
  work(left, 1, 10, 21, 1);
  work(left, 0, 11, 21, 1);
  EXPECT_DOUBLE_EQ(left.seconds(20).value(), 34) << "two do 68 together";
}

TEST(WorkLeft, IsAtLeastTheLongestUnit) {
  WorkLeft left(100);
  left.begin(0, 10);
  left.begin(1, 90);
  work(left, 0, 0, 10, 1);
  work(left, 1, 0, 10, 1);
  EXPECT_NEAR(left.seconds(10).value(), 80 / 0.9, 1e-9);
}

// Two cells of 50 each; a checkpoint has 30 of one, and the other fails after 10.
TEST(WorkLeft, FallsToNothingWhereWorkIsSpared) {
  WorkLeft left(100);
  left.begin(0, 100);
  left.take(0, 0, 0, 30);
  work(left, 0, 0, 10, 1);
  EXPECT_NEAR(left.seconds(10).value(), 60 / 0.9, 1e-9);
  left.take(0, 10, 0, 40);
  EXPECT_NEAR(left.seconds(10).value(), 20 / 0.9, 1e-9);
  work(left, 0, 10, 30, 1);
  EXPECT_EQ(left.seconds(30), 0);
  EXPECT_EQ(WorkLeft(0).seconds(0), 0) << "all that is to do is the judge's";
}

TEST(WorkLeft, GrowsWhereWorkIsDoneAgain) {
  WorkLeft left(20);
  left.begin(0, 20);
  work(left, 0, 0, 10, 1);
  left.take(0, 10, 0, -10);
  EXPECT_NEAR(left.seconds(10).value(), 20 / 0.9, 1e-9);
}

}  // namespace
}  // namespace saesweep::sweep
