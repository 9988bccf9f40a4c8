#include "base/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace saesweep {
namespace {

TEST(InverseNormalCdf, AgreesWithTabulatedQuantiles) {
  // scipy.stats.norm.ppf
  EXPECT_NEAR(inverse_normal_cdf(0.5), 0.0, 1e-16);
  EXPECT_NEAR(inverse_normal_cdf(0.975), 1.959963984540054, 1e-14);
  EXPECT_NEAR(inverse_normal_cdf(0.001), -3.090232306167813, 1e-14);
  EXPECT_NEAR(inverse_normal_cdf(1e-10), -6.361340902404056, 1e-13);
  EXPECT_NEAR(inverse_normal_cdf(1e-15), -7.941345326170998, 1e-13);
}

TEST(InverseNormalCdf, IsInvertedByErfc) {
  for (double p = 0.0005; p < 1; p += 0.0005) {
    EXPECT_NEAR(0.5 * std::erfc(-inverse_normal_cdf(p) / std::sqrt(2.0)), p, 1e-14) << p;
  }
}

TEST(InverseNormalCdf, IsNanOutsideItsRange) {
  EXPECT_TRUE(std::isnan(inverse_normal_cdf(0.0)));
  EXPECT_TRUE(std::isnan(inverse_normal_cdf(1.0)));
  EXPECT_TRUE(std::isnan(inverse_normal_cdf(std::nan(""))));
}

TEST(Stream, GivesTheSameBitsForTheSameKeyOnly) {
  const Stream a{"drawn", int64_t{1}}, again{"drawn", int64_t{1}}, other_seed{"drawn", int64_t{2}}, other{"other"};
  EXPECT_EQ(a.bits(7), again.bits(7));
  EXPECT_NE(a.bits(7), a.bits(8));
  EXPECT_NE(a.bits(7), other_seed.bits(7));
  EXPECT_NE(a.bits(7), other.bits(7));
}

TEST(Stream, DoesNotConfuseHowPartsAreCut) {
  EXPECT_NE((Stream{"ab", "c"}.bits(0)), (Stream{"a", "bc"}.bits(0)));
  EXPECT_NE((Stream{int64_t{1}}.bits(0)), (Stream{uint64_t{1}}.bits(0)));
}

TEST(Stream, HasTheMomentsOfItsDistributions) {
  const Stream stream{"moments"};
  constexpr int n = 200'000;
  double sum = 0, square = 0, uniform = 0;
  for (int i = 0; i < n; ++i) {
    const double x = stream.normal(i);
    sum += x;
    square += x * x;
    uniform += stream.uniform(i);
  }
  EXPECT_NEAR(sum / n, 0.0, 5 / std::sqrt(n));
  EXPECT_NEAR(square / n, 1.0, 5 * std::sqrt(2.0 / n));
  EXPECT_NEAR(uniform / n, 0.5, 5 * std::sqrt(1.0 / 12 / n));
}

TEST(Permutation, HoldsEveryNumberOnceAndIsUniformAtItsFirstPlace) {
  auto order = permutation(1000, Stream{"p"});
  EXPECT_FALSE(std::is_sorted(order.begin(), order.end()));
  std::sort(order.begin(), order.end());
  for (uint32_t i = 0; i < 1000; ++i) EXPECT_EQ(order[i], i);

  int counts[6] = {};
  for (int64_t seed = 0; seed < 6000; ++seed) ++counts[permutation(6, Stream{"p", seed})[0]];
  for (const int count : counts) EXPECT_NEAR(count, 1000, 5 * std::sqrt(1000.0 * 5 / 6));
}

TEST(Permutation, OfNothingAndOfOneIsTrivial) {
  EXPECT_TRUE(permutation(0, Stream{"p"}).empty());
  EXPECT_EQ(permutation(1, Stream{"p"}), std::vector<uint32_t>{0});
}

TEST(Stream, ManyNormalsAtOnceHaveTheBitsOfEach) {
  const Stream stream{"batch", int64_t{7}};
  for (const uint64_t first : {0u, 1u, 510u, 1023u}) {
    for (const size_t n : {0u, 1u, 2u, 511u, 512u, 513u, 5000u}) {
      std::vector<double> batch(n);
      stream.normals(first, batch);
      for (size_t i = 0; i < n; ++i) ASSERT_EQ(batch[i], stream.normal(first + i)) << first << " " << i;
    }
  }
}

}  // namespace
}  // namespace saesweep
