#include "evaluate/firings.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace saesweep::evaluate {
namespace {

sae::Codes codes_of(const std::vector<float>& values, const std::vector<int32_t>& indices) {
  return {at::tensor(values, at::kFloat).reshape({-1, 2}), at::tensor(indices, at::kInt).reshape({-1, 2})};
}

TEST(FiringCounts, OfFourTokensByHand) {
  FiringCounts counts(5);
  counts.add(codes_of({0.5F, 1.5F, 2, 0}, {0, 4, 4, -1}));
  counts.add(codes_of({0, 0, 3, 1}, {-1, -1, 0, 2}));
  EXPECT_DOUBLE_EQ(counts.l0(), 5.0 / 4);
  EXPECT_DOUBLE_EQ(counts.l1(), 8.0 / 4);
  EXPECT_DOUBLE_EQ(counts.dead_fraction(), 2.0 / 5);
  EXPECT_EQ(counts.firing_rates(), (std::vector<float>{0.5F, 0, 0.25F, 0, 0.5F}));
}

TEST(FiringCounts, AllLatentsAreDeadWhereNoneFires) {
  FiringCounts counts(3);
  counts.add(codes_of({0, 0}, {-1, -1}));
  EXPECT_EQ(counts.l0(), 0.0);
  EXPECT_EQ(counts.l1(), 0.0);
  EXPECT_EQ(counts.dead_fraction(), 1.0);
}

}  // namespace
}  // namespace saesweep::evaluate
