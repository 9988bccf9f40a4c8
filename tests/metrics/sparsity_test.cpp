#include "metrics/sparsity.h"

#include <gtest/gtest.h>

#include <cmath>

namespace saesweep::metrics {
namespace {

TEST(Hoyer, IsOneForOneActiveLatentAndZeroForEqualOnes) {
  EXPECT_DOUBLE_EQ(hoyer_sparsity({1, 3, 3}, 16), 1);
  // 16 latents of 0.5: L1 8, L2 2.
  EXPECT_DOUBLE_EQ(hoyer_sparsity({16, 8, 2}, 16), 0);
}

TEST(Hoyer, ByHand) {
  // Activations 3 and 4 among 9 latents: L1 7, L2 5; (3 - 7/5) / (3 - 1).
  EXPECT_DOUBLE_EQ(hoyer_sparsity({2, 7, 5}, 9), 0.8);
}

TEST(L1OverRootL2, ByHand) {
  EXPECT_DOUBLE_EQ(l1_over_root_l2({2, 6, 4}), 3);
}

TEST(Sparsity, IsMissingWhereNothingIsActive) {
  EXPECT_TRUE(std::isnan(hoyer_sparsity({0, 0, 0}, 9)));
  EXPECT_TRUE(std::isnan(l1_over_root_l2({0, 0, 0})));
  EXPECT_TRUE(std::isnan(hoyer_sparsity({1, 1, 1}, 1)));
}

}  // namespace
}  // namespace saesweep::metrics
