#include "metrics/token_entropy.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/errors.h"

namespace saesweep::metrics {
namespace {

TokenEntropy entropy_of(const std::vector<uint32_t>& ids, const std::vector<float>& activations) {
  return token_entropy(ids, activations);
}

TEST(TokenEntropyOf, OneTokenIsZero) {
  const auto result = entropy_of({5, 7, 5, 7}, {1, 0, 3, 0});
  EXPECT_EQ(result.entropy, 0.0);
  EXPECT_EQ(result.miller_madow, 0.0);
  EXPECT_EQ(result.n_active, 2);
  EXPECT_EQ(result.n_distinct, 1);
}

// Shares 1/2, 1/4, 1/4 of a total of 8 on ids 9, 1, 4: H = 1.5 ln 2; five active tokens of three ids.
TEST(TokenEntropyOf, SharesOfActivationNotOfCounts) {
  const auto result = entropy_of({9, 1, 4, 1, 9, 2, 9}, {3, 1, 2, 1, 1, 0, 0});
  EXPECT_DOUBLE_EQ(result.entropy, 1.5 * std::log(2.0));
  EXPECT_EQ(result.n_active, 5);
  EXPECT_EQ(result.n_distinct, 3);
  EXPECT_DOUBLE_EQ(result.miller_madow, 1.5 * std::log(2.0) + 2.0 / 10.0);
}

TEST(TokenEntropyOf, EqualSharesIsTheLogarithmOfTheirNumber) {
  EXPECT_DOUBLE_EQ(entropy_of({1, 2, 3, 4, 5}, {2, 2, 2, 2, 2}).entropy, std::log(5.0));
}

TEST(TokenEntropyOf, NothingActiveIsMissing) {
  for (const auto& result : {entropy_of({1, 2}, {0, 0}), entropy_of({}, {})}) {
    EXPECT_TRUE(std::isnan(result.entropy));
    EXPECT_TRUE(std::isnan(result.miller_madow));
    EXPECT_EQ(result.n_active, 0);
    EXPECT_EQ(result.n_distinct, 0);
  }
}

TEST(TokenEntropyOf, WhatIsNoActivationIsRefused) {
  EXPECT_THROW(entropy_of({1}, {NAN}), SystemError);
  EXPECT_THROW(entropy_of({1}, {INFINITY}), SystemError);
  EXPECT_THROW(entropy_of({1, 2}, {1}), SystemError);
}

}  // namespace
}  // namespace saesweep::metrics
