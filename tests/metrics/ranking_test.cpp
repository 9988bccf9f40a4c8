#include "metrics/ranking.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/errors.h"

namespace saesweep::metrics {
namespace {

double auroc_of(const std::vector<double>& scores, const std::vector<uint8_t>& truths) {
  return auroc(scores, truths);
}

double accuracy_of(const std::vector<uint8_t>& answers, const std::vector<uint8_t>& truths) {
  return balanced_accuracy(answers, truths);
}

TEST(Auroc, IsOneForPerfectAndZeroForReversedScores) {
  EXPECT_EQ(auroc_of({0.1, 0.2, 0.8, 0.9}, {0, 0, 1, 1}), 1.0);
  EXPECT_EQ(auroc_of({0.1, 0.2, 0.8, 0.9}, {1, 1, 0, 0}), 0.0);
}

// Pairs true over false: 0.9 > 0.8, 0.9 > 0.1, 0.4 < 0.8, 0.4 > 0.1, 0.6 < 0.8, 0.6 > 0.1: 4 of 6.
TEST(Auroc, IsTheShareOfPairsThatStandRightly) {
  EXPECT_DOUBLE_EQ(auroc_of({0.9, 0.4, 0.8, 0.1, 0.6}, {1, 1, 0, 0, 1}), 4.0 / 6.0);
}

// True 0.5, 0.9 against false 0.5, 0.5, 0.1: (1/2 + 1/2 + 1) + 3 = 5 of 6.
TEST(Auroc, CountsTiesHalf) {
  EXPECT_DOUBLE_EQ(auroc_of({0.5, 0.9, 0.5, 0.5, 0.1}, {1, 1, 0, 0, 0}), 5.0 / 6.0);
  EXPECT_EQ(auroc_of({0.3, 0.3, 0.3, 0.3}, {1, 0, 1, 0}), 0.5);
}

TEST(Auroc, InfinitiesAreScores) {
  EXPECT_EQ(auroc_of({-INFINITY, INFINITY, INFINITY}, {0, 1, 0}), 0.75);
}

TEST(Auroc, IsMissingWhereAClassIs) {
  EXPECT_TRUE(std::isnan(auroc_of({0.1, 0.2}, {1, 1})));
  EXPECT_TRUE(std::isnan(auroc_of({0.1, 0.2}, {0, 0})));
  EXPECT_TRUE(std::isnan(auroc_of({}, {})));
}

TEST(Auroc, RefusesNanAndUnlikeLengths) {
  EXPECT_THROW(auroc_of({0.1, NAN}, {0, 1}), SystemError);
  EXPECT_THROW(auroc_of({0.1, 0.2}, {0}), SystemError);
}

// 10^10 pairs: counts beyond 32 bits.
TEST(Auroc, CountsManyPairs) {
  std::vector<double> scores(200'000, 0.5);
  std::vector<uint8_t> truths(200'000, 0);
  for (size_t i = 0; i < 100'000; ++i) truths[i] = 1;
  scores[0] = 1;
  EXPECT_EQ(auroc(scores, truths), (1e5 + 99'999 * 0.5e5) / 1e10);
}

// Of 4 true ones 3 are answered 1, of 2 false ones 1 is answered 0.
TEST(BalancedAccuracy, IsTheMeanOfBothClassesShares) {
  EXPECT_DOUBLE_EQ(accuracy_of({1, 1, 1, 0, 0, 1}, {1, 1, 1, 1, 0, 0}), (0.75 + 0.5) / 2);
  EXPECT_EQ(accuracy_of({1, 0}, {1, 0}), 1.0);
  EXPECT_EQ(accuracy_of({0, 1}, {1, 0}), 0.0);
  EXPECT_EQ(accuracy_of({1, 1, 1, 1}, {1, 1, 1, 0}), 0.5);
}

TEST(BalancedAccuracy, IsMissingWhereAClassIs) {
  EXPECT_TRUE(std::isnan(accuracy_of({1, 0}, {1, 1})));
  EXPECT_TRUE(std::isnan(accuracy_of({1, 0}, {0, 0})));
  EXPECT_TRUE(std::isnan(accuracy_of({}, {})));
  EXPECT_THROW(accuracy_of({1}, {1, 0}), SystemError);
}

}  // namespace
}  // namespace saesweep::metrics
