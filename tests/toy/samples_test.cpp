#include "toy/samples.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "toy/dataset.h"

namespace saesweep::toy {
namespace {

const DataOptions kSmall{.features = 64, .d_in = 32, .samples = 1200};

TEST(Superposed, IsTheSameOnAnyNumberOfThreads) {
  const int before = at::get_num_threads();
  at::set_num_threads(1);
  const Samples one = superposed(kSmall, 7);
  at::set_num_threads(3);
  const Samples three = superposed(kSmall, 7);
  at::set_num_threads(before);
  EXPECT_TRUE(at::equal(one.x, three.x));
}

TEST(Superposed, MoreSamplesBeginWithTheSame) {
  DataOptions more = kSmall;
  more.samples = 1700;
  EXPECT_TRUE(at::equal(superposed(more, 7).x.narrow(0, 0, 1000), superposed(kSmall, 7).x.narrow(0, 0, 1000)));
}

TEST(Superposed, SeedsDiffer) {
  EXPECT_FALSE(at::equal(superposed(kSmall, 1).x, superposed(kSmall, 2).x));
}

TEST(GaussianLike, HasTheMeanAndDeviationOfAllElements) {
  const at::Tensor x = superposed(kSmall, 3).x.add(0.5);
  const at::Tensor drawn = gaussian_like(x, 3).x;
  ASSERT_EQ(drawn.sizes(), x.sizes());
  EXPECT_NEAR(drawn.mean().item<double>(), x.mean().item<double>(), 0.005);
  EXPECT_NEAR(drawn.std().item<double>(), x.std().item<double>(), 0.005);
}

TEST(Dataset, HoldsOutAShareOfTheSamplesAndGivesThemBack) {
  const Dataset data = make_dataset(kSmall, nullptr, {"superposed", false, 3});
  EXPECT_EQ(data.held_out.n(), 120);
  EXPECT_EQ(data.train.n(), 1080);
  EXPECT_EQ(data.features.size(0), 64);
  const at::Tensor back = data.train.x * data.train.deviation.unsqueeze(1) + data.train.mean.unsqueeze(1);
  const at::Tensor sum =
      back.sum() + (data.held_out.x * data.held_out.deviation.unsqueeze(1)).sum() + 32 * data.held_out.mean.sum();
  EXPECT_NEAR(sum.item<double>(), superposed(kSmall, 3).x.sum().item<double>(), 0.01);
}

TEST(Dataset, BehindTheMlpTrueFeaturesAreWhatItMakesOfThem) {
  const Dataset data = make_dataset(kSmall, nullptr, {"superposed", true, 3});
  const at::Tensor norms = data.features.norm(2, {1});
  EXPECT_NEAR(norms.min().item<double>(), 1, 1e-5);
  EXPECT_NEAR(norms.max().item<double>(), 1, 1e-5);
  EXPECT_FALSE(at::equal(data.features, make_dataset(kSmall, nullptr, {"superposed", false, 3}).features));
}

TEST(Dataset, ASampleOfZerosStaysFinite) {
  const Standardized zeros = standardize(at::zeros({2, 8}));
  EXPECT_TRUE(at::equal(zeros.x, at::zeros({2, 8})));
}

}  // namespace
}  // namespace saesweep::toy
