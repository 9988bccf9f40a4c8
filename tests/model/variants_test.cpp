#include "model/variants.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <optional>

#include "base/errors.h"
#include "base/hash.h"
#include "base/random.h"
#include "model/gaussian.h"
#include "model/small_model.h"
#include "support/temporary_folder.h"

namespace saesweep::model {
namespace {

using ::testing::HasSubstr;

//! A wide small model on disk, so that tensors have enough elements for their statistics, and its weights.
class WideModel {
 public:
  WideModel() {
    Json json = test::small_config();
    json["hidden_size"] = 64;
    json["vocab_size"] = 600;
    test::write_small_model(folder_.path(), 0, at::kFloat, json);
    checkpoint_.emplace(folder_.path());
    tensors = test::small_tensors(checkpoint_->config());
  }
  TensorMap redrawn(Variant variant, int64_t seed, bool norms = false) const {
    TensorMap drawn;
    for (const auto& [name, info] : checkpoint_->parameters()) {
      drawn[name] = variant_parameter(*checkpoint_, variant, seed, norms, name, at::kFloat);
    }
    return drawn;
  }

  TensorMap tensors;

 private:
  test::TemporaryFolder folder_;
  std::optional<Checkpoint> checkpoint_;
};

bool is_embedding(const std::string& name) {
  return name == kEmbeddingName || name == kUnembeddingName;
}

TEST(RerandomizedVariant, DrawsEachElementFromItsTensorsOwnGaussian) {
  const WideModel original;
  for (const auto& [name, tensor] : original.redrawn(Variant::kRerandomizedIncl, 7, true)) {
    const at::Tensor x = original.tensors.at(name).to(at::kDouble).flatten();
    const double mean = x.mean().item<double>();
    const double deviation = x.std(/*unbiased=*/true).item<double>();
    const Stream stream{std::string("rerandomize"), int64_t{7}, name};
    const at::Tensor drawn = tensor.flatten();
    for (const int64_t i : {int64_t{0}, int64_t{1}, drawn.numel() / 2, drawn.numel() - 1}) {
      EXPECT_NEAR(drawn[i].item<double>(), mean + deviation * stream.normal(static_cast<uint64_t>(i)), 1e-6) << name;
    }
  }
}

TEST(RerandomizedVariant, KeepsMeanAndDeviationOfEachTensor) {
  const WideModel original;
  for (const auto& [name, tensor] : original.redrawn(Variant::kRerandomizedIncl, 0)) {
    const at::Tensor x = original.tensors.at(name).to(at::kDouble), y = tensor.to(at::kDouble);
    if (is_norm(name)) continue;
    const double deviation = x.std(true).item<double>();
    const double n = static_cast<double>(x.numel());
    // Five standard errors of a mean and of a deviation of n Gaussian draws.
    EXPECT_NEAR(y.mean().item<double>(), x.mean().item<double>(), 5 * deviation / std::sqrt(n)) << name;
    EXPECT_NEAR(y.std(true).item<double>(), deviation, 5 * deviation / std::sqrt(2 * n)) << name;
  }
}

TEST(RerandomizedVariant, RedrawsWhatItShould) {
  const WideModel original;
  for (const bool norms : {false, true}) {
    const TensorMap incl = original.redrawn(Variant::kRerandomizedIncl, 0, norms);
    const TensorMap excl = original.redrawn(Variant::kRerandomizedExcl, 0, norms);
    for (const auto& [name, tensor] : original.tensors) {
      const bool kept = is_norm(name) && !norms;
      EXPECT_EQ(at::equal(incl.at(name), tensor), kept) << name;
      EXPECT_EQ(at::equal(excl.at(name), tensor), kept || is_embedding(name)) << name;
    }
  }
}

TEST(RerandomizedVariant, FollowsTheSeedAndNotTheThreads) {
  const WideModel original;
  const std::string name = "gpt_neox.layers.1.attention.query_key_value.weight";
  at::set_num_threads(1);
  const TensorMap one = original.redrawn(Variant::kRerandomizedIncl, 3);
  at::set_num_threads(4);
  const TensorMap four = original.redrawn(Variant::kRerandomizedIncl, 3);
  at::set_num_threads(1);
  for (const auto& [key, tensor] : one) EXPECT_TRUE(at::equal(tensor, four.at(key))) << key;
  EXPECT_FALSE(at::equal(original.redrawn(Variant::kRerandomizedIncl, 4).at(name), one.at(name)));
}

TEST(RerandomizedVariant, TwoSeedsDifferInEveryTensorThatIsDrawn) {
  const WideModel original;
  const TensorMap zero = original.redrawn(Variant::kRerandomizedIncl, 0),
                  one = original.redrawn(Variant::kRerandomizedIncl, 1);
  for (const auto& [name, tensor] : zero) EXPECT_EQ(at::equal(tensor, one.at(name)), is_norm(name)) << name;
}

TEST(RerandomizedVariant, RoundsTheSameDrawsToItsDtype) {
  const test::TemporaryFolder folder;
  test::write_small_model(folder.path(), 1, at::kBFloat16);
  const Checkpoint checkpoint(folder.path());
  const auto drawn = [&](Variant variant, const std::string& name, at::ScalarType dtype) {
    return variant_parameter(checkpoint, variant, 2, false, name, dtype);
  };
  for (const auto& [name, info] : checkpoint.parameters()) {
    EXPECT_TRUE(at::equal(drawn(Variant::kRerandomizedIncl, name, at::kBFloat16),
                          drawn(Variant::kRerandomizedIncl, name, at::kFloat).to(at::kBFloat16)))
        << name;
  }
  EXPECT_TRUE(at::equal(drawn(Variant::kRerandomizedExcl, kUnembeddingName, at::kBFloat16),
                        SafetensorsFile(folder.path() / "model.safetensors").tensor(kUnembeddingName)));
}

TEST(RerandomizedVariant, BuffersOfOldFilesAreNeverDrawn) {
  const test::TemporaryFolder plain, with_buffers;
  test::write_small_model(plain.path());
  test::write_config(with_buffers.path(), test::small_config());
  const SafetensorsFile file(plain.path() / "model.safetensors");
  NamedTensors tensors = {{"gpt_neox.layers.0.attention.bias", at::ones({1, 1, 12, 12}, at::kByte)},
                          {"gpt_neox.layers.0.attention.masked_bias", at::scalar_tensor(-1e9)},
                          {"gpt_neox.layers.0.attention.rotary_emb.inv_freq", at::rand({4})}};
  for (const auto& [name, info] : file.tensors()) tensors.emplace_back(name, file.tensor(name));
  write_safetensors(with_buffers.path() / "model.safetensors", tensors);
  const auto logits = [](const test::TemporaryFolder& folder) {
    const GptNeox model = make_variant(find_model(folder.path()), Variant::kRerandomizedIncl, 0, {});
    return model.forward(test::small_ids(2, 12), {.logits = true}).logits;
  };
  EXPECT_TRUE(at::equal(logits(with_buffers), logits(plain)));
}

// That the draws are right, tests/python/test_models.py holds with numpy and scipy; here every bit counts.
TEST(DrawnTensors, AreTheSameBitsOnEveryMachine) {
  const Stream stream{std::string("golden"), int64_t{1}, std::string("tensor")};
  const at::Tensor drawn = draw({0.25, 1.5}, stream, {300, 111}, at::kFloat);
  const std::string_view bytes(static_cast<const char*>(drawn.const_data_ptr()), drawn.nbytes());
  EXPECT_EQ(hex(sha256(bytes), 16), "b04d2465240a192931cee9ccafb061ec");
}

TEST(RerandomizedVariant, TensorsOfOneShapeDiffer) {
  const TensorMap drawn = WideModel().redrawn(Variant::kRerandomizedIncl, 0);
  EXPECT_FALSE(at::allclose(drawn.at("gpt_neox.layers.0.attention.dense.weight"),
                            drawn.at("gpt_neox.layers.1.attention.dense.weight"), 1e-2, 1e-2));
}

TEST(OtherVariants, KeepTheWeights) {
  const WideModel original;
  for (const Variant variant : {Variant::kTrained, Variant::kStep0, Variant::kControl}) {
    for (const auto& [name, tensor] : original.redrawn(variant, 0)) {
      EXPECT_TRUE(at::equal(tensor, original.tensors.at(name))) << name_of(variant) << ' ' << name;
    }
  }
}

TEST(MakeVariant, Step0IsTheSubfolder) {
  const test::TemporaryFolder folder;
  test::write_small_model(folder.path(), 1);
  EXPECT_THAT(test::message_of<ModelError>([&] { make_variant(find_model(folder.path()), Variant::kStep0, -1, {}); }),
              HasSubstr((folder.path() / "step0").string()));
  test::write_small_model(folder.path() / "step0", 2);
  const at::Tensor ids = test::small_ids(1, 4);
  const ForwardRequest request{.logits = true};
  const at::Tensor step0 =
      make_variant(find_model(folder.path()), Variant::kStep0, -1, {}).forward(ids, request).logits;
  const at::Tensor trained =
      make_variant(find_model(folder.path()), Variant::kTrained, -1, {}).forward(ids, request).logits;
  const at::Tensor beside = make_variant(find_model((folder.path() / "step0").string()), Variant::kTrained, -1, {})
                                .forward(ids, request)
                                .logits;
  EXPECT_TRUE(at::equal(step0, beside));
  EXPECT_FALSE(at::allclose(step0, trained));
}

TEST(MakeVariant, HalfPrecisionFilesAreReadInTheDtypeAskedFor) {
  const test::TemporaryFolder folder;
  test::write_small_model(folder.path(), 1, at::kBFloat16);
  EXPECT_EQ(make_variant(find_model(folder.path()), Variant::kTrained, -1, {}).dtype(), at::kFloat);
  EXPECT_EQ(make_variant(find_model(folder.path()), Variant::kRerandomizedIncl, 0, {.dtype = "bfloat16"}).dtype(),
            at::kBFloat16);
  EXPECT_THAT(test::message_of<InputError>(
                  [&] { make_variant(find_model(folder.path()), Variant::kTrained, -1, {.dtype = "float8"}); }),
              HasSubstr("float8"));
}

class ControlNoise : public ::testing::Test {
 protected:
  static at::Tensor noise(const std::vector<uint64_t>& documents, const std::vector<uint32_t>& positions,
                          int64_t seed = 5) {
    return control_embeddings(seed, documents, positions, 1, static_cast<int64_t>(documents.size()), 24)[0];
  }
};

TEST_F(ControlNoise, IsTheSameWheneverAPlaceIsReadAgain) {
  const at::Tensor once = noise({11, 11, 99, 11}, {0, 1, 0, 2});
  const at::Tensor again = noise({99, 11, 11, 11}, {0, 2, 1, 0});
  EXPECT_TRUE(at::equal(once[0], again[3]));
  EXPECT_TRUE(at::equal(once[1], again[2]));
  EXPECT_TRUE(at::equal(once[2], again[0]));
  EXPECT_TRUE(at::equal(once[3], again[1]));
}

TEST_F(ControlNoise, DiffersBetweenPlacesDocumentsAndSeeds) {
  const at::Tensor x = noise({11, 11, 99}, {0, 1, 0});
  EXPECT_FALSE(at::equal(x[0], x[1]));
  EXPECT_FALSE(at::equal(x[0], x[2]));
  EXPECT_FALSE(at::equal(x[0], noise({11}, {0}, 6)[0]));
}

TEST_F(ControlNoise, IsTheStreamsNormals) {
  const at::Tensor x = noise({11, 11}, {3, 4});
  const Stream stream{std::string("control"), int64_t{5}, uint64_t{11}};
  EXPECT_EQ(x[0][0].item<float>(), static_cast<float>(stream.normal(3 * 24)));
  EXPECT_EQ(x[1][23].item<float>(), static_cast<float>(stream.normal(4 * 24 + 23)));
}

TEST_F(ControlNoise, IsStandardNormal) {
  std::vector<uint64_t> documents;
  std::vector<uint32_t> positions;
  for (uint32_t i = 0; i < 1000; ++i) {
    documents.push_back(i / 100);
    positions.push_back(i % 100);
  }
  const at::Tensor x = noise(documents, positions).to(at::kDouble);
  const double n = 24000;
  EXPECT_NEAR(x.mean().item<double>(), 0.0, 5 / std::sqrt(n));
  EXPECT_NEAR(x.std(true).item<double>(), 1.0, 5 / std::sqrt(2 * n));
  EXPECT_LT(at::corrcoef(x.t()).triu(1).abs().max().item<double>(), 5 / std::sqrt(1000.0));
}

}  // namespace
}  // namespace saesweep::model
