#include "sweep/rank_speeds.h"

#include <gtest/gtest.h>

namespace saesweep::sweep {
namespace {

TEST(RankSpeeds, AreOneBeforeAnyRankHasFinished) {
  RankSpeeds speeds(2);
  speeds.start(0, 10, 0);
  EXPECT_EQ(speeds.mean(), 1);
  EXPECT_EQ(speeds.speed(0), 1);
  EXPECT_EQ(speeds.speed(1), 1);
}

TEST(RankSpeeds, OfARankThatHasFinishedNothingIsTheMeanOfAll) {
  RankSpeeds speeds(3);
  speeds.start(0, 10, 0);
  speeds.start(1, 20, 0);
  speeds.finish(0, 5);
  speeds.finish(1, 5);
  EXPECT_DOUBLE_EQ(speeds.mean(), 3);
  EXPECT_DOUBLE_EQ(speeds.speed(2), 3);
}

TEST(RankSpeeds, AreDrawnToTheMeanTheLessTheMoreWasFinished) {
  RankSpeeds speeds(2);
  double now = 0, before = 1;
  for (int i = 0; i < 20; ++i, now += 40) {
    speeds.start(0, 10, now);
    speeds.start(1, 10, now);
    speeds.finish(0, now + 10);
    speeds.finish(1, now + 40);
    EXPECT_GT(speeds.speed(1), 0.25);
    EXPECT_LT(speeds.speed(1), before);
    before = speeds.speed(1);
  }
  EXPECT_NEAR(speeds.speed(0), 1, 0.02);
  EXPECT_NEAR(speeds.speed(1), 0.25, 0.01);
}

TEST(RankSpeeds, WhoIsAtNothingIsFreeNow) {
  RankSpeeds speeds(1);
  EXPECT_FALSE(speeds.is_busy(0));
  EXPECT_EQ(speeds.free_at(0, 7), 7);
  speeds.finish(0, 7);  // without effect
  EXPECT_EQ(speeds.speed(0), 1);
}

TEST(RankSpeeds, WorkEndsAsPredictedAndWhatIsOverdueEverLater) {
  RankSpeeds speeds(1);
  speeds.start(0, 10, 5);
  EXPECT_TRUE(speeds.is_busy(0));
  EXPECT_EQ(speeds.free_at(0, 6), 15);
  EXPECT_DOUBLE_EQ(speeds.free_at(0, 25), 30);
  EXPECT_DOUBLE_EQ(speeds.free_at(0, 45), 55);
  speeds.finish(0, 50);
  EXPECT_FALSE(speeds.is_busy(0));
  EXPECT_EQ(speeds.free_at(0, 51), 51);
}

TEST(RankSpeeds, StayFiniteWhereTheClockStandsStill) {
  RankSpeeds speeds(2);
  speeds.start(0, 10, 0);
  speeds.finish(0, 0);
  EXPECT_GT(speeds.speed(0), 1);
  EXPECT_LE(speeds.speed(0), 1e3);
}

}  // namespace
}  // namespace saesweep::sweep
