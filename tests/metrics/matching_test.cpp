#include "metrics/matching.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/errors.h"

namespace saesweep::metrics {
namespace {

TEST(MeanMaxCosine, TakesTheBestOfEachTrueFeature) {
  // Two true features, three learnt ones: the best are 0.75 and -0.25.
  const std::vector<float> cosines = {0.5F, 0.75F, -1, -0.5F, -0.25F, -0.75F};
  EXPECT_DOUBLE_EQ(mean_max_cosine(cosines, 3), 0.25);
}

TEST(MeanMaxCosine, IsMissingWithoutFeatures) {
  EXPECT_TRUE(std::isnan(mean_max_cosine({}, 3)));
}

TEST(MeanMaxCosine, RefusesWhatIsNoRows) {
  EXPECT_THROW(mean_max_cosine(std::vector<float>{1, 1, 1}, 2), SystemError);
}

}  // namespace
}  // namespace saesweep::metrics
