// Whether training finds features that were planted: 256 unit vectors in 64 dimensions, 5 of them in each token, 1M
// tokens, 256 latents (issue 4). The measure is the mean over features of the largest cosine similarity with a row of
// the decoder. All architectures share rate and batch; those with k take AuxK, which keeps latents from dying.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>

#include "base/random.h"
#include "sae/drawn.h"
#include "train/sae_trainer.h"

namespace saesweep::train {
namespace {

using sae::Architecture;

constexpr int64_t kDIn = 64, kFeatures = 256, kActive = 5, kTokens = 1'000'000;

at::Tensor features() {
  const at::Tensor drawn = test::drawn("features", {kFeatures, kDIn});
  return drawn / drawn.norm(2, 1, /*keepdim=*/true);
}

//! Tokens of a step, [n, kDIn]: each the sum of 5 features at uniform strengths from 0.5 to 1.5.
at::Tensor tokens(const at::Tensor& features, int64_t step, int64_t n) {
  const Stream stream{std::string("planted tokens"), step};
  at::Tensor x = at::zeros({n, kDIn});
  float* out = x.mutable_data_ptr<float>();
  const float* rows = features.const_data_ptr<float>();
  uint64_t draw = 0;
  for (int64_t t = 0; t < n; ++t) {
    std::array<int64_t, kActive> chosen = {};
    for (auto end = chosen.begin(); end != chosen.end();) {
      *end = static_cast<int64_t>(stream.uniform(draw++) * kFeatures);
      if (std::find(chosen.begin(), end, *end) == end) ++end;
    }
    for (const int64_t feature : chosen) {
      const auto strength = static_cast<float>(0.5 + stream.uniform(draw++));
      for (int64_t i = 0; i < kDIn; ++i) out[t * kDIn + i] += strength * rows[feature * kDIn + i];
    }
  }
  return x;
}

//! The mean over features of the largest cosine similarity with a decoder row, after training on 1M tokens.
double recovered(sae::SaeOptions sae, double auxk_alpha) {
  sae.expansion_factor = kFeatures / kDIn;
  sae.matryoshka_fractions = {0.25, 0.5, 1};
  TrainOptions train;
  train.tokens = kTokens;
  train.batch_tokens = 1000;
  train.learning_rate = 0.01;
  train.warmup_steps = 50;
  train.auxk_alpha = auxk_alpha;
  train.dead_after_tokens = 20'000;
  SaeTrainer trainer(kDIn, sae, train, 0);
  const at::Tensor planted = features();
  double l0 = 0;
  for (int64_t step = 0; step < trainer.n_steps(); ++step) {
    l0 = trainer.step(tokens(planted, step, train.batch_tokens)).l0;
  }
  if (has_common_threshold(sae.architecture)) {
    // Its threshold keeps about k of a token that stands alone, as the batch did.
    const sae::Codes alone = sae::encode(trainer.sae(), tokens(planted, trainer.n_steps(), 4000));
    EXPECT_NEAR(static_cast<double>(alone.n_entries()) / 4000, kActive, 0.5);
  }
  const at::Tensor rows = trainer.sae().parameters.W_dec;
  const at::Tensor cosines = planted.mm((rows / rows.norm(2, 1, /*keepdim=*/true)).t());
  const auto mean = std::get<0>(cosines.max(1)).mean().item<double>();
  testing::Test::RecordProperty("mean_max_cosine_similarity", std::to_string(mean));
  testing::Test::RecordProperty("l0", std::to_string(l0));
  return mean;
}

// What was measured stands beside each.

TEST(PlantedFeatures, AreRecoveredByTopK) {
  EXPECT_GE(recovered({.architecture = Architecture::kTopK, .k = kActive}, 0.1), 0.9);  // 0.991
}

TEST(PlantedFeatures, AreRecoveredByBatchTopK) {
  EXPECT_GE(recovered({.architecture = Architecture::kBatchTopK, .k = kActive}, 0.1), 0.9);  // 0.983
}

TEST(PlantedFeatures, AreRecoveredByMatryoshka) {
  EXPECT_GE(recovered({.architecture = Architecture::kMatryoshka, .k = kActive}, 0.1), 0.9);  // 0.969
}

TEST(PlantedFeatures, AreRecoveredByRelu) {
  EXPECT_GE(recovered({.architecture = Architecture::kRelu, .penalty = 0.2}, 0), 0.9);  // 0.983
}

TEST(PlantedFeatures, AreRecoveredByJumpRelu) {
  EXPECT_GE(recovered({.architecture = Architecture::kJumpRelu, .penalty = 0.03}, 0.1), 0.9);  // 0.941
}

// Groups of 64: 5 does not part 256 latents. Two features of a token may want the same group, so that not all of a
// token can be had; yet each feature finds its latent.
TEST(PlantedFeatures, AreRecoveredByGroupMax) {
  EXPECT_GE(recovered({.architecture = Architecture::kGroupMax, .k = 4}, 0.1), 0.95);  // 0.971
}

}  // namespace
}  // namespace saesweep::train
