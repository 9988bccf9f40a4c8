#include "evaluate/firings.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace saesweep::evaluate {
namespace {

sae::Codes codes_of(const std::vector<int64_t>& starts, const std::vector<int32_t>& latents,
                    const std::vector<float>& values) {
  return {at::tensor(starts, at::kLong), at::tensor(latents, at::kInt), at::tensor(values, at::kFloat)};
}

TEST(FiringCounts, OfFourTokensByHand) {
  FiringCounts counts(5);
  counts.add(codes_of({0, 2, 3}, {0, 4, 4}, {0.5F, 1.5F, 2}));
  counts.add(codes_of({0, 0, 2}, {0, 2}, {3, 1}));
  EXPECT_DOUBLE_EQ(counts.l0(), 5.0 / 4);
  EXPECT_DOUBLE_EQ(counts.l1(), 8.0 / 4);
  EXPECT_DOUBLE_EQ(counts.dead_fraction(), 2.0 / 5);
  EXPECT_EQ(counts.firing_rates(), (std::vector<float>{0.5F, 0, 0.25F, 0, 0.5F}));
}

TEST(FiringCounts, AllLatentsAreDeadWhereNoneFires) {
  FiringCounts counts(3);
  counts.add(codes_of({0, 0}, {}, {}));
  EXPECT_EQ(counts.l0(), 0.0);
  EXPECT_EQ(counts.l1(), 0.0);
  EXPECT_EQ(counts.dead_fraction(), 1.0);
}

}  // namespace
}  // namespace saesweep::evaluate
