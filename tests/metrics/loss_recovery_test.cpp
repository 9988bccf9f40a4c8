#include "metrics/loss_recovery.h"

#include <gtest/gtest.h>

#include <cmath>

namespace saesweep::metrics {
namespace {

TEST(CeLossScore, IsTheShareOfTheLossWonBack) {
  EXPECT_DOUBLE_EQ(ce_loss_score(3, 3, 11), 1.0);
  EXPECT_DOUBLE_EQ(ce_loss_score(3, 5, 11), 0.75);
  EXPECT_DOUBLE_EQ(ce_loss_score(3, 11, 11), 0.0);
}

TEST(CeLossScore, IsBelowZeroForWorseThanZeros) {
  EXPECT_DOUBLE_EQ(ce_loss_score(3, 15, 11), -0.5);
}

TEST(CeLossScore, IsMissingWhereZerosCostLessThanATenthOfANat) {
  EXPECT_FALSE(std::isnan(ce_loss_score(3, 3, 3.125)));
  EXPECT_TRUE(std::isnan(ce_loss_score(3, 3, 3.0625)));
  EXPECT_TRUE(std::isnan(ce_loss_score(3, 3, 3)));
  EXPECT_TRUE(std::isnan(ce_loss_score(3, 3, 2)));
}

TEST(CeLossScore, IsMissingWhereALossIs) {
  EXPECT_TRUE(std::isnan(ce_loss_score(std::nan(""), 3, 11)));
  EXPECT_TRUE(std::isnan(ce_loss_score(3, std::nan(""), 11)));
  EXPECT_TRUE(std::isnan(ce_loss_score(3, 3, std::nan(""))));
}

TEST(KlScore, IsOneLessTheShareOfTheDivergenceLeft) {
  EXPECT_DOUBLE_EQ(kl_score(0, 8), 1.0);
  EXPECT_DOUBLE_EQ(kl_score(2, 8), 0.75);
  EXPECT_DOUBLE_EQ(kl_score(12, 8), -0.5);
}

TEST(KlScore, IsMissingWhereZerosChangeNothing) {
  EXPECT_TRUE(std::isnan(kl_score(1, 0)));
  EXPECT_TRUE(std::isnan(kl_score(1, std::nan(""))));
}

}  // namespace
}  // namespace saesweep::metrics
