#include "train/recipe.h"

#include <gtest/gtest.h>

#include <string>

#include "base/errors.h"

namespace saesweep::train {
namespace {

TrainOptions options_of(const std::string& recipe, const std::string& optimizer = "adam") {
  TrainOptions options;
  options.recipe = recipe;
  options.optimizer = optimizer;
  options.tokens = 20'000;
  options.batch_tokens = 200;
  return options;
}

// EleutherAI/sparsify 1.3 (config.py, trainer.py): lr 2e-4 / sqrt(n / 2^14), lr_warmup_steps 1000, linear decay,
// auxk_alpha 0, no clipping, grad_acc_steps 1, b_dec the mean.
TEST(Recipe, SparsifyIsSparsifysDefaults) {
  const Recipe recipe = make_recipe(options_of("sparsify"), 65536);
  EXPECT_EQ(recipe.optimizer, Optimizer::kAdam);
  EXPECT_DOUBLE_EQ(recipe.learning_rate, 1e-4);
  EXPECT_EQ(recipe.adam_epsilon, 1e-8);
  EXPECT_EQ(recipe.warmup_steps, 1000);
  EXPECT_TRUE(recipe.decays);
  EXPECT_EQ(recipe.decay_steps, 100);
  EXPECT_EQ(recipe.n_parts, 1);
  EXPECT_EQ(recipe.gradient_clip, 0);
  EXPECT_EQ(recipe.auxk_alpha, 0);
  EXPECT_EQ(recipe.auxk_norm, AuxKNorm::kVariance);
  EXPECT_FALSE(recipe.multi_topk);
  EXPECT_FALSE(recipe.starts_from_median);
  EXPECT_EQ(recipe.precision, sae::Precision::kFloat32);
  EXPECT_FALSE(recipe.has_bfloat16_state);
}

TEST(Recipe, SparsifysSignumHasNeitherWarmUpNorDecay) {
  const Recipe recipe = make_recipe(options_of("sparsify", "signum"), 65536);
  EXPECT_EQ(recipe.optimizer, Optimizer::kSignum);
  EXPECT_DOUBLE_EQ(recipe.learning_rate, 2.5e-3);
  for (const int64_t step : {0, 1, 50, 99}) EXPECT_DOUBLE_EQ(recipe.rate_at(step), 2.5e-3);
}

// ThomasHeap/sae: Adam as sparsify's, geometric median, clip_grad_norm_ 1.0, grad_acc_steps 8.
TEST(Recipe, Heap2025HasItsMedianClippingAndParts) {
  const Recipe recipe = make_recipe(options_of("heap2025"), 16384);
  EXPECT_DOUBLE_EQ(recipe.learning_rate, 2e-4);
  EXPECT_EQ(recipe.warmup_steps, 1000);
  EXPECT_TRUE(recipe.decays);
  EXPECT_EQ(recipe.n_parts, 8);
  EXPECT_EQ(recipe.gradient_clip, 1);
  EXPECT_EQ(recipe.auxk_alpha, 0);
  EXPECT_TRUE(recipe.starts_from_median);
}

// Gao et al. 2024, sections 2.1 to 2.4, A.1 and A.2: a constant rate, epsilon 6.25e-10, AuxK with alpha 1/32, gradient
// clipping, geometric median.
TEST(Recipe, GaoHasItsConstantRateEpsilonAndAuxK) {
  const Recipe recipe = make_recipe(options_of("gao"), 16384);
  EXPECT_EQ(recipe.adam_epsilon, 6.25e-10);
  for (const int64_t step : {0, 1, 50, 99}) EXPECT_DOUBLE_EQ(recipe.rate_at(step), 2e-4);
  EXPECT_EQ(recipe.auxk_alpha, 1.0 / 32);
  EXPECT_EQ(recipe.auxk_norm, AuxKNorm::kResidual);
  EXPECT_EQ(recipe.gradient_clip, 1);
  EXPECT_TRUE(recipe.starts_from_median);
  EXPECT_EQ(recipe.n_parts, 1);
}

TEST(Recipe, WhatIsSetGoesBeforeTheRecipe) {
  TrainOptions options = options_of("gao");
  options.learning_rate = 0.5;
  options.warmup_steps = 10;
  options.decay = "linear";
  options.gradient_accumulation = 4;
  options.gradient_clip = 0;
  options.auxk_alpha = 0;
  options.b_dec_start = "mean";
  options.multi_topk = true;
  options.precision = "bfloat16";
  options.optimizer_state = "bfloat16";
  const Recipe recipe = make_recipe(options, 16384);
  EXPECT_EQ(recipe.learning_rate, 0.5);
  EXPECT_DOUBLE_EQ(recipe.rate_at(5), 0.25);
  EXPECT_DOUBLE_EQ(recipe.rate_at(10), 0.5);
  EXPECT_EQ(recipe.n_parts, 4);
  EXPECT_EQ(recipe.gradient_clip, 0);
  EXPECT_EQ(recipe.auxk_alpha, 0);
  EXPECT_FALSE(recipe.starts_from_median);
  EXPECT_TRUE(recipe.multi_topk);
  EXPECT_EQ(recipe.precision, sae::Precision::kBfloat16);
  EXPECT_TRUE(recipe.has_bfloat16_state);
}

TEST(Recipe, RateWithSeveralPartsEndsWhereSparsifysDoes) {
  TrainOptions options = options_of("sparsify");
  options.learning_rate = 1;
  options.warmup_steps = 0;
  EXPECT_DOUBLE_EQ(make_recipe(options, 64).rate_at(100), 0);
  options.gradient_accumulation = 4;
  EXPECT_DOUBLE_EQ(make_recipe(options, 64).rate_at(100), 0.75);
}

TEST(Recipe, ARateThatIsConstantStillWarmsUp) {
  TrainOptions options = options_of("gao");
  options.learning_rate = 1;
  options.warmup_steps = 4;
  const Recipe recipe = make_recipe(options, 64);
  EXPECT_DOUBLE_EQ(recipe.rate_at(0), 0);
  EXPECT_DOUBLE_EQ(recipe.rate_at(3), 0.75);
  EXPECT_DOUBLE_EQ(recipe.rate_at(4), 1);
  EXPECT_DOUBLE_EQ(recipe.rate_at(99), 1);
}

void expect_refused(const TrainOptions& options, const std::string& key, const std::string& found) {
  try {
    make_recipe(options, 64);
    ADD_FAILURE() << key << " '" << found << "' was taken";
  } catch (const InputError& error) {
    const std::string message = error.what();
    EXPECT_NE(message.find("sae." + key), std::string::npos) << message;
    EXPECT_NE(message.find(found), std::string::npos) << message;
  }
}

TEST(Recipe, NamesThatAreNotKnownAreRefused) {
  expect_refused(options_of("openai"), "recipe", "openai");
  expect_refused(options_of("sparsify", "muon"), "optimizer", "muon");
  TrainOptions options = options_of("sparsify");
  options.optimizer_state = "float16";
  expect_refused(options, "optimizer_state", "float16");
  options = options_of("sparsify");
  options.precision = "float64";
  expect_refused(options, "precision", "float64");
  options = options_of("sparsify");
  options.decay = "cosine";
  expect_refused(options, "decay", "cosine");
  options = options_of("sparsify");
  options.b_dec_start = "zero";
  expect_refused(options, "b_dec_start", "zero");
}

TEST(Recipe, PartsThatDoNotDivideABatchAreRefused) {
  TrainOptions options = options_of("sparsify");
  options.gradient_accumulation = 3;
  expect_refused(options, "gradient_accumulation", "3 does not divide the 200 tokens");
}

}  // namespace
}  // namespace saesweep::train
