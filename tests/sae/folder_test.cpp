#include "sae/folder.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <limits>

#include "base/errors.h"
#include "base/files.h"
#include "base/json.h"
#include "model/safetensors.h"
#include "sae/drawn.h"
#include "support/temporary_folder.h"

namespace saesweep::sae {
namespace {

//! A saved SAE of d_in 6, 24 latents, k 5, to be spoilt.
class SaeFolder : public testing::Test {
 protected:
  SaeFolder() { save_sae(path(), sae_, options_); }

  std::filesystem::path path() const { return folder_.path() / "layers.3"; }
  Json config() const { return read_json(path() / "cfg.json"); }
  void write(const Json& config) const { write_file(path() / "cfg.json", config.dump()); }
  void set(const char* key, const Json& value) const {
    Json changed = config();
    changed[key] = value;
    write(changed);
  }
  //! Writes the tensors anew with one replaced, or, where it is undefined, left out.
  void replace(const std::string& name, const at::Tensor& tensor) const {
    const Parameters& p = sae_.parameters;
    model::NamedTensors tensors;
    for (const auto& [other, value] : model::NamedTensors{
             {"encoder.weight", p.W_enc}, {"encoder.bias", p.b_enc}, {"W_dec", p.W_dec}, {"b_dec", p.b_dec}}) {
      if (other != name) tensors.emplace_back(other, value);
    }
    if (tensor.defined()) tensors.emplace_back(name, tensor);
    model::write_safetensors(path() / "sae.safetensors", tensors);
  }
  //! Loading must be refused, in a message that holds all parts.
  void expect_refused(const std::vector<std::string>& parts) const {
    try {
      load_sae(path());
      ADD_FAILURE() << "loaded, but lacks: " << parts.back();
    } catch (const ModelError& error) {
      for (const std::string& part : parts) {
        EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what() << " lacks " << part;
      }
    }
  }

  test::TemporaryFolder folder_;
  Sae sae_ = test::drawn_sae(6, 24, 5);
  const SaeOptions options_ = {.expansion_factor = 4, .k = 5};
};

const std::vector<std::string> kTensors = {"encoder.weight", "encoder.bias", "W_dec", "b_dec"};

TEST_F(SaeFolder, IsReadBackBitForBit) {
  // What rounding, flushing to 0 or printing as text would change.
  sae_.parameters.W_enc[0][0] = 0.1F;
  sae_.parameters.W_enc[0][1] = -0.0F;
  sae_.parameters.W_enc[0][2] = std::numeric_limits<float>::denorm_min();
  sae_.parameters.b_dec[1] = std::numeric_limits<float>::max();
  save_sae(path(), sae_, options_);
  const Sae read = load_sae(path());
  const auto same_bits = [](const at::Tensor& a, const at::Tensor& b) {
    return a.view(at::kInt).equal(b.view(at::kInt));
  };
  EXPECT_TRUE(same_bits(read.parameters.W_enc, sae_.parameters.W_enc));
  EXPECT_TRUE(same_bits(read.parameters.b_enc, sae_.parameters.b_enc));
  EXPECT_TRUE(same_bits(read.parameters.W_dec, sae_.parameters.W_dec));
  EXPECT_TRUE(same_bits(read.parameters.b_dec, sae_.parameters.b_dec));
  EXPECT_EQ(read.k, 5);
}

TEST(SaeFolderOf, EveryArchitectureIsReadBackWithWhatItEncodesBy) {
  const test::TemporaryFolder folder;
  for (const Architecture architecture : all_architectures()) {
    const std::string name = name_of(architecture);
    const Sae sae = test::drawn_sae(6, 24, 4, architecture);
    save_sae(folder.path() / name, sae, {.architecture = architecture, .expansion_factor = 4, .k = 4, .penalty = 0.5});
    const Sae read = load_sae(folder.path() / name);
    EXPECT_EQ(read.architecture, architecture);
    EXPECT_EQ(read.k, sae.k) << name;
    EXPECT_EQ(read.matryoshka_sizes, sae.matryoshka_sizes) << name;
    ASSERT_EQ(read.parameters.threshold.defined(), sae.parameters.threshold.defined()) << name;
    if (sae.parameters.threshold.defined()) {
      EXPECT_TRUE(at::equal(read.parameters.threshold, sae.parameters.threshold)) << name;
    }
    const at::Tensor x = test::drawn("x", {50, 6});
    EXPECT_TRUE(test::same(encode(read, x), encode(sae, x))) << name;
    EXPECT_TRUE(at::equal(decode(read, encode(read, x)), decode(sae, encode(sae, x)))) << name;
  }
}

TEST(SaeFolderOf, ThresholdsThatAreMissingOrMisshapenAreRefused) {
  for (const Architecture architecture : {Architecture::kBatchTopK, Architecture::kJumpRelu}) {
    const test::TemporaryFolder folder;
    Sae sae = test::drawn_sae(6, 24, 4, architecture);
    const SaeOptions options{.architecture = architecture, .expansion_factor = 4, .k = 4};
    for (const at::Tensor& threshold : {at::Tensor(), at::ones({23})}) {
      sae.parameters.threshold = threshold;
      if (threshold.defined() && architecture == Architecture::kBatchTopK) continue;  // one number, whatever is given
      save_sae(folder.path(), sae, options);
      try {
        load_sae(folder.path());
        ADD_FAILURE() << name_of(architecture);
      } catch (const ModelError& error) {
        EXPECT_NE(std::string(error.what()).find("threshold"), std::string::npos) << error.what();
      }
    }
  }
}

TEST(SaeFolderOf, MatryoshkaSizesThatDoNotRiseToAllLatentsAreRefused) {
  const test::TemporaryFolder folder;
  save_sae(folder.path(), test::drawn_sae(6, 24, 4, Architecture::kMatryoshka),
           {.architecture = Architecture::kMatryoshka, .expansion_factor = 4, .k = 4});
  Json config = read_json(folder.path() / "cfg.json");
  for (const Json& sizes : {Json({6, 12}), Json({12, 6, 24}), Json({0, 24}), Json({6, 6, 24}), Json::array()}) {
    config["matryoshka_sizes"] = sizes;
    write_file(folder.path() / "cfg.json", config.dump());
    EXPECT_THROW(load_sae(folder.path()), ModelError) << sizes;
  }
}

TEST_F(SaeFolder, HoldsSparsifysConfig) {
  normalize_rows(sae_.parameters.W_dec);
  save_sae(path(), sae_, options_);
  const Json expected = {
      {"activation", "topk"}, {"expansion_factor", 4},    {"normalize_decoder", true}, {"num_latents", 0}, {"k", 5},
      {"multi_topk", false},  {"skip_connection", false}, {"transcode", false},        {"d_in", 6}};
  EXPECT_EQ(config(), expected);
}

TEST_F(SaeFolder, RowsOfOtherLengthsAreNotCalledNormalized) {
  EXPECT_EQ(config()["normalize_decoder"], false);
}

TEST_F(SaeFolder, NumLatentsGoesBeforeTheExpansionFactor) {
  Json changed = config();
  changed["num_latents"] = 24;
  changed["expansion_factor"] = 99;
  write(changed);
  EXPECT_EQ(load_sae(path()).parameters.n_latents(), 24);
}

TEST_F(SaeFolder, HalfPrecisionIsWidened) {
  replace("b_dec", sae_.parameters.b_dec.to(at::kBFloat16));
  const at::Tensor read = load_sae(path()).parameters.b_dec;
  EXPECT_EQ(read.scalar_type(), at::kFloat);
  EXPECT_TRUE(at::equal(read, sae_.parameters.b_dec.to(at::kBFloat16).to(at::kFloat)));
}

TEST_F(SaeFolder, MissingTensorsAreRefused) {
  for (const std::string& name : kTensors) {
    replace(name, {});
    expect_refused({"sae.safetensors", name, "missing"});
  }
}

TEST_F(SaeFolder, MisshapenTensorsAreRefused) {
  replace("encoder.weight", at::zeros({24, 7}));
  expect_refused({"sae.safetensors", "encoder.weight", "[24, 7]", "[24, 6]"});
  replace("encoder.bias", at::zeros({24, 1}));
  expect_refused({"sae.safetensors", "encoder.bias", "[24, 1]", "[24]"});
  replace("W_dec", at::zeros({6, 24}));
  expect_refused({"sae.safetensors", "W_dec", "[6, 24]", "[24, 6]"});
  replace("b_dec", at::zeros({24}));
  expect_refused({"sae.safetensors", "b_dec", "[24]", "[6]"});
}

TEST_F(SaeFolder, NumbersThatAreNotFiniteAreRefused) {
  for (const float value : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    at::Tensor spoilt = sae_.parameters.W_dec.clone();
    spoilt[23][5] = value;
    replace("W_dec", spoilt);
    expect_refused({"sae.safetensors", "W_dec", "not finite"});
  }
}

TEST_F(SaeFolder, ContradictionsOfTheConfigAreRefused) {
  set("expansion_factor", 8);
  expect_refused({"sae.safetensors", "encoder.weight", "[24, 6]", "[48, 6]"});
  set("expansion_factor", 4);
  set("k", 25);
  expect_refused({"cfg.json", "k is 25", "24 latents"});
}

TEST_F(SaeFolder, KeysOfTheConfigMustBeThereAndPositive) {
  const Json whole = config();
  for (const char* key : {"d_in", "k", "expansion_factor"}) {
    Json changed = whole;
    changed.erase(key);
    write(changed);
    expect_refused({"cfg.json", key, "missing"});
    for (const Json& value : {Json(0), Json(-3), Json(1.5), Json("five"), Json(nullptr)}) {
      changed[key] = value;
      write(changed);
      expect_refused({"cfg.json", key, value.dump(), "at least 1"});
    }
  }
}

TEST_F(SaeFolder, OtherKindsOfSaeAreRefused) {
  const Json whole = config();
  const std::vector<std::pair<const char*, Json>> changes = {
      {"activation", "softmax"}, {"transcode", true}, {"skip_connection", true}};
  for (const auto& [key, value] : changes) {
    write(whole);
    set(key, value);
    expect_refused({"cfg.json", key, value.is_string() ? value.get<std::string>() : value.dump()});
  }
}

TEST_F(SaeFolder, KeysOfAnotherTypeAreRefused) {
  const Json whole = config();
  const std::vector<std::pair<const char*, Json>> changes = {
      {"activation", 3}, {"transcode", "yes"}, {"skip_connection", 1}, {"num_latents", "many"}};
  for (const auto& [key, value] : changes) {
    write(whole);
    set(key, value);
    expect_refused({"cfg.json", key, value.dump()});
  }
  write(Json::array());
  expect_refused({"cfg.json", "object"});
}

TEST_F(SaeFolder, MissingFilesAreNamed) {
  std::filesystem::remove(path() / "sae.safetensors");
  EXPECT_THROW(load_sae(path()), InputError);
  EXPECT_THROW(load_sae(folder_.path() / "nowhere"), InputError);
}

}  // namespace
}  // namespace saesweep::sae
