#include "sae/parameters.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "sae/drawn.h"

namespace saesweep::sae {
namespace {

constexpr int64_t kDIn = 64;
constexpr int64_t kLatents = 1024;

Parameters start(int64_t seed, Architecture architecture = Architecture::kTopK, int64_t expansion_factor = 16) {
  return initial_parameters(kDIn, {.architecture = architecture, .expansion_factor = expansion_factor}, seed);
}

TEST(InitialParameters, HaveTheirShapes) {
  const Parameters p = start(0);
  EXPECT_EQ(p.W_enc.sizes(), (at::IntArrayRef{kLatents, kDIn}));
  EXPECT_EQ(p.W_dec.sizes(), (at::IntArrayRef{kLatents, kDIn}));
  EXPECT_TRUE(at::equal(p.b_enc, at::zeros({kLatents})));
  EXPECT_TRUE(at::equal(p.b_dec, at::zeros({kDIn})));
}

TEST(InitialParameters, EncoderIsUniform) {
  const at::Tensor weights = start(0).W_enc.to(at::kDouble);
  const double bound = 1.0 / std::sqrt(static_cast<double>(kDIn));
  EXPECT_LE(weights.abs().max().item<double>(), bound);
  // A uniform's deviation is bound / sqrt(3); of 65,536 draws it strays by 0.17 % (one sigma), the mean by 0.4 %
  // of the deviation.
  const double deviation = bound / std::sqrt(3.0);
  EXPECT_NEAR(weights.std().item<double>(), deviation, 0.01 * deviation);
  EXPECT_NEAR(weights.mean().item<double>(), 0, 0.02 * deviation);
  // A quarter of a uniform lies in each quarter of its range; 0.17 % is one sigma.
  EXPECT_NEAR(weights.lt(-0.5 * bound).to(at::kDouble).mean().item<double>(), 0.25, 0.01);
  EXPECT_NEAR(weights.gt(0.5 * bound).to(at::kDouble).mean().item<double>(), 0.25, 0.01);
}

TEST(InitialParameters, DecoderIsTheEncoderWithUnitRows) {
  const Parameters p = start(0);
  const at::Tensor norms = p.W_enc.to(at::kDouble).norm(2, 1, /*keepdim=*/true);
  EXPECT_TRUE(at::allclose(p.W_dec.to(at::kDouble), p.W_enc.to(at::kDouble) / norms, 1e-6, 1e-7));
  EXPECT_TRUE(at::allclose(p.W_dec.norm(2, 1), at::ones({kLatents}), 0, 1e-6));
}

TEST(InitialParameters, FollowTheSeedAlone) {
  const Parameters p = start(5);
  EXPECT_TRUE(at::equal(start(5).W_enc, p.W_enc));
  EXPECT_TRUE(at::equal(start(5).W_dec, p.W_dec));
  const double same = start(6).W_enc.eq(p.W_enc).to(at::kDouble).mean().item<double>();
  EXPECT_LT(same, 0.001);
}

TEST(InitialParameters, OfOtherArchitecturesAreOtherDraws) {
  for (const Architecture architecture : all_architectures()) {
    if (architecture == Architecture::kTopK) continue;
    const at::Tensor other = start(0, architecture).W_enc;
    EXPECT_LT(other.eq(start(0).W_enc).to(at::kDouble).mean().item<double>(), 0.001) << name_of(architecture);
  }
}

TEST(InitialParameters, HaveTheThresholdsOfTheirArchitecture) {
  for (const Architecture architecture : all_architectures()) {
    const Parameters p = start(0, architecture);
    if (architecture == Architecture::kJumpRelu) {
      EXPECT_TRUE(at::equal(p.threshold, at::zeros({kLatents})));
    } else if (has_common_threshold(architecture)) {
      EXPECT_TRUE(at::equal(p.threshold, at::zeros({1})));
    } else {
      EXPECT_FALSE(p.threshold.defined()) << name_of(architecture);
    }
  }
}

TEST(InitialParameters, OfOtherShapesAreOtherDraws) {
  const at::Tensor wider = start(0, Architecture::kTopK, 32).W_enc.narrow(0, 0, kLatents);
  EXPECT_LT(wider.eq(start(0).W_enc).to(at::kDouble).mean().item<double>(), 0.001);
}

TEST(NormalizeRows, KeepsDirectionsAndLeavesZerosFinite) {
  at::Tensor rows = test::drawn("rows", {3, 50});
  rows[1].zero_();
  const at::Tensor before = rows.clone();
  normalize_rows(rows);
  EXPECT_NEAR(rows[0].norm().item<double>(), 1, 1e-6);
  EXPECT_NEAR(rows[0].dot(before[0]).item<double>(), before[0].norm().item<double>(), 1e-5);
  EXPECT_TRUE(at::equal(rows[1], at::zeros({50})));
}

}  // namespace
}  // namespace saesweep::sae
