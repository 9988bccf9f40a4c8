#include "model/step0.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/errors.h"
#include "base/hash.h"
#include "model/small_model.h"
#include "model/variants.h"
#include "support/temporary_folder.h"

namespace saesweep::model {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

//! Four layers of width 64.
Json config_json(const std::string& recipe, bool tied = false) {
  Json json = test::small_config();
  json["hidden_size"] = 64;
  json["num_hidden_layers"] = 4;
  json["vocab_size"] = 500;
  json["tie_word_embeddings"] = tied;
  if (!recipe.empty()) json["saesweep_step0"] = recipe;
  return json;
}

GptNeoxConfig config_of(const Json& json) {
  const test::TemporaryFolder folder;
  test::write_config(folder.path(), json);
  return read_config(folder.path());
}

TensorMap drawn(const GptNeoxConfig& config, int64_t seed) {
  TensorMap tensors;
  for (const auto& [name, shape] : parameter_shapes(config)) {
    tensors[name] = draw_step0(config, seed, name, at::kFloat);
    EXPECT_EQ(tensors[name].sizes(), at::IntArrayRef(shape)) << name;
  }
  return tensors;
}

//! The published recipes for d = 64, L = 4, written out.
double published(const std::string& recipe, const std::string& name) {
  const bool output = name.ends_with("attention.dense.weight") || name.ends_with("dense_4h_to_h.weight");
  if (recipe == "small_init") return output ? 2.0 / (4 * 8) : 0.0790569415042095;  // 2 / (L sqrt d), sqrt(2 / 320)
  return output ? 0.00707106781186548 : 0.02;                                      // 0.02 / sqrt(8)
}

TEST(Step0Recipe, DrawsEachTensorWithThePublishedDeviation) {
  for (const std::string recipe : {"small_init", "neox_default"}) {
    for (const auto& [name, tensor] : drawn(config_of(config_json(recipe)), 0)) {
      const at::Tensor x = tensor.to(at::kDouble);
      if (name.ends_with(".bias")) {
        EXPECT_TRUE(at::equal(x, at::zeros_like(x))) << name;
      } else if (name.find("norm") != std::string::npos) {
        EXPECT_TRUE(at::equal(x, at::ones_like(x))) << name;
      } else {
        // n s^2 / sigma^2 is chi-square with n degrees of freedom: s is within five of its standard errors.
        const double sigma = published(recipe, name), n = static_cast<double>(x.numel());
        EXPECT_NEAR(std::sqrt(x.square().mean().item<double>()), sigma, 5 * sigma / std::sqrt(2 * n)) << name;
        EXPECT_NEAR(x.mean().item<double>(), 0.0, 5 * sigma / std::sqrt(n)) << name;
      }
    }
  }
}

TEST(Step0Recipe, DrawsGaussians) {
  const at::Tensor x = draw_step0(config_of(config_json("small_init")), 0, kEmbeddingName, at::kFloat).to(at::kDouble);
  const at::Tensor z = x / published("small_init", kEmbeddingName);
  const double n = static_cast<double>(z.numel());
  EXPECT_NEAR(z.pow(3).mean().item<double>(), 0.0, 5 * std::sqrt(15 / n));  // var of z^3
  EXPECT_NEAR(z.pow(4).mean().item<double>(), 3.0, 5 * std::sqrt(96 / n));  // var of z^4
}

TEST(Step0Recipe, FollowsSeedAndNameAndNotTheThreads) {
  const GptNeoxConfig config = config_of(config_json("small_init"));
  at::set_num_threads(4);
  const TensorMap four = drawn(config, 3);
  at::set_num_threads(1);
  const TensorMap one = drawn(config, 3), other = drawn(config, 4);
  for (const auto& [name, tensor] : one) {
    EXPECT_TRUE(at::equal(tensor, four.at(name))) << name;
    const bool is_drawn = step0_gaussian(config, name).deviation > 0;
    EXPECT_EQ(at::equal(tensor, other.at(name)), !is_drawn) << name;
  }
  EXPECT_FALSE(at::equal(one.at(kEmbeddingName), one.at(kUnembeddingName)));
}

TEST(Step0Recipe, TiedModelsHaveNoUnembedding) {
  EXPECT_FALSE(drawn(config_of(config_json("small_init", true)), 0).contains(kUnembeddingName));
}

TEST(Step0Recipe, ItsHashFollowsShapeAndRecipe) {
  const std::string hash = step0_recipe_hash(config_of(config_json("small_init")));
  EXPECT_EQ(step0_recipe_hash(config_of(config_json("small_init"))), hash);
  EXPECT_NE(step0_recipe_hash(config_of(config_json("neox_default"))), hash);
  EXPECT_NE(step0_recipe_hash(config_of(config_json("small_init", true))), hash);
}

TEST(Step0Variant, IsDrawnWhereTheRevisionIsNotThere) {
  const test::TemporaryFolder folder;
  const ForwardRequest request{.logits = true};
  const at::Tensor ids = test::small_ids(1, 4);
  test::write_config(folder.path(), config_json("small_init"));
  const ModelSource source = find_model(folder.path());
  const GptNeoxConfig config = read_config(folder.path());
  const GptNeox expected(config, drawn(config, 5), at::kFloat);
  EXPECT_TRUE(at::equal(make_variant(source, Variant::kStep0, 5, {}).forward(ids, request).logits,
                        expected.forward(ids, request).logits));
  EXPECT_EQ(content_hash(source, Variant::kStep0), step0_recipe_hash(config));
  EXPECT_FALSE(checkpoint_folder(source, Variant::kStep0).has_value());

  test::write_small_model(folder.path() / "step0", 2, at::kFloat, config_json("small_init"));
  EXPECT_EQ(checkpoint_folder(find_model(folder.path()), Variant::kStep0), folder.path() / "step0");
}

TEST(Step0Variant, WithoutRevisionAndRecipeNamesBothWays) {
  const test::TemporaryFolder folder;
  test::write_small_model(folder.path());
  EXPECT_THAT(
      test::message_of<ModelError>([&] { make_variant(find_model(folder.path()), Variant::kStep0, 0, {}); }),
      AllOf(HasSubstr((folder.path() / "step0").string()), HasSubstr("saesweep_step0"), HasSubstr("small_init")));
}

TEST(ConfigAloneVariant, OthersThanStep0AreRefusedByName) {
  const test::TemporaryFolder folder;
  test::write_config(folder.path(), config_json("small_init"));
  for (const Variant variant :
       {Variant::kTrained, Variant::kRerandomizedIncl, Variant::kRerandomizedExcl, Variant::kControl}) {
    EXPECT_THAT(test::message_of<ModelError>([&] { make_variant(find_model(folder.path()), variant, 0, {}); }),
                AllOf(HasSubstr(name_of(variant)), HasSubstr("only step0"), HasSubstr("model.safetensors")));
  }
}

}  // namespace
}  // namespace saesweep::model
