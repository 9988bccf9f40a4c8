#include "sae/training_codes.h"

#include <gtest/gtest.h>

#include "sae/dense_codes.h"
#include "sae/threads.h"

namespace saesweep::sae {
namespace {

constexpr int64_t kTokens = 90, kDIn = 12, kLatents = 240, kActive = 5;

//! Every third latent.
std::vector<uint8_t> some_dead() {
  std::vector<uint8_t> dead(kLatents, 0);
  for (size_t i = 0; i < dead.size(); i += 3) dead[i] = 1;
  return dead;
}

class TrainingCodesOf : public testing::TestWithParam<Architecture> {
 protected:
  const Sae sae_ = test::drawn_sae(kDIn, kLatents, kActive, GetParam());
  const at::Tensor x_ = test::drawn_eighths("x", {kTokens, kDIn});
  const at::Tensor pre_ = test::dense_pre(sae_, x_);
};

INSTANTIATE_TEST_SUITE_P(Sae, TrainingCodesOf, testing::ValuesIn(all_architectures()),
                         [](const auto& instance) { return name_of(instance.param); });

TEST_P(TrainingCodesOf, ActiveAreThoseOfTheDenseFormula) {
  const Codes expected = test::codes_of(pre_, test::dense_active_in_training(sae_, pre_));
  for (const Precision precision : {Precision::kFloat32, Precision::kBfloat16}) {
    const TrainingCodes codes = training_codes(sae_, center(sae_, x_), {.precision = precision});
    EXPECT_TRUE(test::same(codes.active, expected));
    EXPECT_FALSE(codes.wide.values.defined());
    EXPECT_FALSE(codes.dead.values.defined());
  }
}

TEST_P(TrainingCodesOf, DeadAreTheLargestOfTheDeadBesideTheSameActive) {
  const std::vector<uint8_t> is_dead = some_dead();
  const at::Tensor mask = at::zeros({kLatents}, at::kBool);
  for (int64_t i = 0; i < kLatents; ++i) mask[i] = is_dead[static_cast<size_t>(i)] == 1;
  const at::Tensor of_dead = at::where(mask, pre_, -1.0);
  for (const int64_t n_dead : {1, 6, 80}) {
    const TrainingCodes codes = training_codes(sae_, center(sae_, x_), {.n_dead = n_dead, .is_dead = is_dead});
    EXPECT_TRUE(test::same(codes.dead, test::codes_of(pre_, test::largest_of_rows(of_dead, n_dead)))) << n_dead;
    EXPECT_TRUE(test::same(codes.active, test::codes_of(pre_, test::dense_active_in_training(sae_, pre_))));
  }
}

TEST_P(TrainingCodesOf, BitsDoNotDependOnTheThreads) {
  const std::vector<uint8_t> is_dead = some_dead();
  const at::Tensor x = test::drawn("x", {400, kDIn}) / 3;
  const bool is_topk = GetParam() == Architecture::kTopK;
  const auto run_on = [&](int n_threads) {
    const test::Threads threads(n_threads);
    return training_codes(sae_, center(sae_, x), {.wide = is_topk, .n_dead = 4, .is_dead = is_dead, .band = 1});
  };
  const TrainingCodes one = run_on(1);
  for (const int n_threads : {2, 3}) {
    const TrainingCodes other = run_on(n_threads);
    EXPECT_TRUE(test::same(other.active, one.active));
    EXPECT_TRUE(test::same(other.dead, one.dead));
    EXPECT_TRUE(!is_topk || test::same(other.wide, one.wide));
    EXPECT_TRUE(GetParam() != Architecture::kJumpRelu || test::same(other.near, one.near));
  }
}

TEST(TrainingCodes, WideAreThe4kLargest) {
  for (const int64_t k : {1, 5, 50, 100}) {
    const Sae sae = test::drawn_sae(kDIn, kLatents, k);
    const at::Tensor x = test::drawn_eighths("x", {kTokens, kDIn});
    const at::Tensor pre = test::dense_pre(sae, x);
    const TrainingCodes codes = training_codes(sae, center(sae, x), {.wide = true});
    EXPECT_TRUE(test::same(codes.wide, test::codes_of(pre, test::largest_of_rows(pre, 4 * k)))) << k;
    EXPECT_TRUE(test::same(codes.active, test::codes_of(pre, test::largest_of_rows(pre, k)))) << k;
  }
}

TEST(TrainingCodes, NearAreThoseLessThanHalfTheBandFromTheirThresholds) {
  const Sae sae = test::drawn_sae(kDIn, kLatents, 0, Architecture::kJumpRelu);
  const at::Tensor x = test::drawn_eighths("x", {kTokens, kDIn});
  const at::Tensor pre = test::dense_pre(sae, x);
  const at::Tensor distance = (pre - sae.parameters.threshold).abs();
  for (const double band : {0.25, 1.0, 1.125}) {
    const TrainingCodes codes = training_codes(sae, center(sae, x), {.band = static_cast<float>(band)});
    EXPECT_TRUE(test::same(codes.near, test::codes_of(pre, distance.lt(band / 2)))) << band;
    EXPECT_TRUE(test::same(codes.active, test::codes_of(pre, pre.gt(sae.parameters.threshold)))) << band;
  }
}

}  // namespace
}  // namespace saesweep::sae
