#include "train/row_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

namespace saesweep::train {
namespace {

constexpr int64_t kRows = 100;

RowOrder order(const std::string& purpose = "train", const std::string& text = "text", int64_t seed = 0) {
  return {purpose, text, seed, kRows};
}

TEST(RowOrder, ReadsEachRowOnceAnEpoch) {
  RowOrder rows = order();
  std::vector<int64_t> all(kRows);
  std::iota(all.begin(), all.end(), 0);
  for (int64_t epoch = 0; epoch < 3; ++epoch) {
    std::vector<int64_t> found = rows.rows(epoch * kRows, kRows);
    EXPECT_NE(found, all);
    std::sort(found.begin(), found.end());
    EXPECT_EQ(found, all);
  }
}

TEST(RowOrder, EachEpochHasItsOwnOrder) {
  RowOrder rows = order();
  const std::vector<int64_t> first = rows.rows(0, kRows);
  EXPECT_NE(rows.rows(kRows, kRows), first);
  EXPECT_NE(rows.rows(2 * kRows, kRows), rows.rows(kRows, kRows));
}

TEST(RowOrder, TheSameKeyGivesTheSameOrder) {
  EXPECT_EQ(order().rows(0, 2 * kRows), order().rows(0, 2 * kRows));
}

TEST(RowOrder, PurposeTextAndSeedEachGiveAnother) {
  const std::vector<int64_t> rows = order().rows(0, kRows);
  EXPECT_NE(order("held out").rows(0, kRows), rows);
  EXPECT_NE(order("train", "other").rows(0, kRows), rows);
  EXPECT_NE(order("train", "text", 1).rows(0, kRows), rows);
}

TEST(RowOrder, DoesNotDependOnHowItIsRead) {
  const std::vector<int64_t> whole = order().rows(0, 3 * kRows);
  RowOrder rows = order();
  std::vector<int64_t> pieces;
  for (int64_t first = 0; first < 3 * kRows; first += 30) {
    const std::vector<int64_t> piece = rows.rows(first, 30);
    pieces.insert(pieces.end(), piece.begin(), piece.end());
  }
  EXPECT_EQ(pieces, whole);
  const std::vector<int64_t> back = rows.rows(5, 4);  // an epoch gone by
  EXPECT_TRUE(std::equal(back.begin(), back.end(), whole.begin() + 5));
}

}  // namespace
}  // namespace saesweep::train
