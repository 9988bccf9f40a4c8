#include "train/checkpoint_pace.h"

#include <gtest/gtest.h>

#include "base/errors.h"

namespace saesweep::train {
namespace {

using Kind = CheckpointEvery::Kind;

TEST(CheckpointEveryText, TokensTimesAndWordsAreRead) {
  EXPECT_EQ(parse_checkpoint_every("auto").kind, Kind::kAuto);
  EXPECT_EQ(parse_checkpoint_every("never").kind, Kind::kNever);
  EXPECT_EQ(parse_checkpoint_every("2_000_000").kind, Kind::kTokens);
  EXPECT_EQ(parse_checkpoint_every("2_000_000").amount, 2e6);
  EXPECT_EQ(parse_checkpoint_every("10 min").kind, Kind::kSeconds);
  EXPECT_EQ(parse_checkpoint_every("10 min").amount, 600);
  EXPECT_EQ(parse_checkpoint_every("90s").amount, 90);
  EXPECT_EQ(parse_checkpoint_every("1.5 h").amount, 5400);
}

TEST(CheckpointEveryText, OthersAreRefused) {
  for (const char* text : {"", "0", "-1", "soon", "10 days", "5 min 3", "0 s", "nan s"}) {
    EXPECT_THROW(parse_checkpoint_every(text), InputError) << text;
  }
}

TEST(Duration, ANumberIsSeconds) {
  EXPECT_EQ(parse_duration("30"), 30);
  EXPECT_EQ(parse_duration("2 min"), 120);
  EXPECT_EQ(parse_duration("0"), 0);
  EXPECT_THROW(parse_duration("-1"), InputError);
  EXPECT_THROW(parse_duration("long"), InputError);
}

TEST(CheckpointPace, AutoKeepsWritingBelowFivePerCent) {
  CheckpointPace pace({});
  pace.begin(/*bytes=*/10e9, /*now=*/0);
  pace.wrote(10e9, /*seconds=*/20, /*now=*/20);
  EXPECT_FALSE(pace.is_due(1, 20 + 379));
  EXPECT_TRUE(pace.is_due(1, 20 + 381));
}

TEST(CheckpointPace, AutoWritesAtMostOnceAMinute) {
  CheckpointPace pace({});
  pace.begin(1000, 0);
  EXPECT_FALSE(pace.is_due(1 << 30, 59));
  EXPECT_TRUE(pace.is_due(1, 61));
}

TEST(CheckpointPace, ASlowDiskIsLearnt) {
  CheckpointPace pace({});
  pace.begin(1e9, 0);
  const double guess = pace.seconds_for(1e9);
  pace.wrote(1e9, 100, 100);
  EXPECT_GT(pace.seconds_for(1e9), guess);
  EXPECT_DOUBLE_EQ(pace.seconds_for(2e9), 200);
}

TEST(CheckpointPace, TokensCountFromTheLastOne) {
  CheckpointPace pace({Kind::kTokens, 4096});
  pace.begin(1000, 0);
  EXPECT_FALSE(pace.is_due(4095, 1e6));
  EXPECT_TRUE(pace.is_due(4096, 0));
}

TEST(CheckpointPace, NeverIsNever) {
  CheckpointPace pace({Kind::kNever, 0});
  pace.begin(1000, 0);
  EXPECT_FALSE(pace.is_due(int64_t{1} << 60, 1e9));
}

}  // namespace
}  // namespace saesweep::train
