#include "sae/saelens_folder.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/errors.h"
#include "base/files.h"
#include "sae/drawn.h"
#include "sae/folder.h"
#include "support/temporary_folder.h"

namespace saesweep::sae {
namespace {

//! A jumprelu SAE of d_in 6 and 24 latents in SAELens' form, to be spoilt. What peers compute with such folders is
//! checked by tests/python/test_peers_saes.py.
class SaeLensFolder : public testing::Test {
 protected:
  SaeLensFolder() {
    save_saelens(path(), sae_, {"tiny", "blocks.3.hook_resid_post"});
    config_ = read_json(path() / "cfg.json");
  }

  std::filesystem::path path() const { return folder_.path(); }
  void set(const char* key, const Json& value) const {
    Json changed = config_;
    changed[key] = value;
    write_file(path() / "cfg.json", changed.dump());
  }
  //! Writes the tensors anew with one replaced or added, or, where it is undefined, left out.
  void replace(const std::string& name, const at::Tensor& tensor) const {
    const Parameters& p = sae_.parameters;
    model::NamedTensors tensors;
    for (const auto& [other, value] : model::NamedTensors{{"W_enc", p.W_enc.t().contiguous()},
                                                          {"b_enc", p.b_enc},
                                                          {"W_dec", p.W_dec},
                                                          {"b_dec", p.b_dec},
                                                          {"threshold", p.threshold}}) {
      if (other != name) tensors.emplace_back(other, value);
    }
    if (tensor.defined()) tensors.emplace_back(name, tensor);
    model::write_safetensors(path() / kSaeLensTensors, tensors);
  }
  //! Checking and loading must be refused, in a message that holds all parts.
  void expect_refused(const std::vector<std::string>& parts) const {
    for (const bool loads : {false, true}) {
      try {
        if (loads) {
          load_sae(path());
        } else {
          check_sae(path());
        }
        ADD_FAILURE() << "taken, but should be refused for " << parts.back();
      } catch (const ModelError& error) {
        for (const std::string& part : parts) {
          EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what() << " lacks " << part;
        }
      }
    }
  }

  test::TemporaryFolder folder_;
  const Sae sae_ = test::drawn_sae(6, 24, 4, Architecture::kJumpRelu);
  Json config_;
};

TEST_F(SaeLensFolder, IsReadBackBitForBit) {
  const Sae read = load_sae(path());
  EXPECT_EQ(read.architecture, Architecture::kJumpRelu);
  EXPECT_TRUE(at::equal(read.parameters.W_enc, sae_.parameters.W_enc));
  EXPECT_TRUE(read.parameters.W_enc.is_contiguous());
  EXPECT_TRUE(at::equal(read.parameters.b_enc, sae_.parameters.b_enc));
  EXPECT_TRUE(at::equal(read.parameters.W_dec, sae_.parameters.W_dec));
  EXPECT_TRUE(at::equal(read.parameters.b_dec, sae_.parameters.b_dec));
  EXPECT_TRUE(at::equal(read.parameters.threshold, sae_.parameters.threshold));
}

TEST_F(SaeLensFolder, TellsWhereItWasTrained) {
  const FolderInfo info = check_sae(path());
  EXPECT_EQ(info.format, FolderFormat::kSaeLens);
  EXPECT_EQ(info.d_in, 6);
  EXPECT_EQ(info.n_latents, 24);
  EXPECT_EQ(info.model_name, "tiny");
  EXPECT_EQ(info.hook_name, "blocks.3.hook_resid_post");
}

TEST_F(SaeLensFolder, ContentAndNotPlaceMakesTheHash) {
  const test::TemporaryFolder other;
  std::filesystem::copy(path(), other.path(), std::filesystem::copy_options::recursive);
  EXPECT_EQ(folder_hash(path()), folder_hash(other.path()));
  at::Tensor moved = sae_.parameters.b_dec.clone();
  moved[5] = std::nextafter(moved[5].item<float>(), 100.0F);
  replace("b_dec", moved);
  EXPECT_NE(folder_hash(path()), folder_hash(other.path()));
}

TEST_F(SaeLensFolder, SettingsThatWouldChangeNumbersAreRefusedByName) {
  for (const char* value :
       {"layer_norm", "expected_average_only_in", "constant_norm_rescale", "covariance_whitening"}) {
    set("normalize_activations", value);
    expect_refused({"cfg.json", "normalize_activations", value});
  }
  set("normalize_activations", true);
  expect_refused({"cfg.json", "normalize_activations"});
  set("reshape_activations", "hook_z");
  expect_refused({"cfg.json", "reshape_activations", "hook_z"});
  set("finetuning_scaling_factor", true);
  expect_refused({"cfg.json", "finetuning_scaling_factor"});
  set("model_from_pretrained_kwargs", {{"center_writing_weights", true}});
  expect_refused({"cfg.json", "center_writing_weights"});
  for (const char* value : {"gated", "batchtopk", "matching_pursuit"}) {
    set("architecture", value);
    expect_refused({"cfg.json", value, "topk, standard or jumprelu"});
  }
  set("dtype", "float8_e4m3fn");
  expect_refused({"cfg.json", "dtype", "float8_e4m3fn"});
}

TEST_F(SaeLensFolder, OlderConfigsWithOtherActivationsAreRefused) {
  Json config = config_;
  config.erase("metadata");
  config["activation_fn_str"] = "tanh-relu";
  write_file(path() / "cfg.json", config.dump());
  expect_refused({"cfg.json", "activation_fn_str", "tanh-relu"});
}

TEST_F(SaeLensFolder, MissingMisshapenAndUnknownTensorsAreRefused) {
  for (const char* name : {"W_enc", "b_enc", "W_dec", "b_dec", "threshold"}) {
    replace(name, {});
    expect_refused({kSaeLensTensors, name, "missing"});
  }
  replace("W_enc", at::zeros({24, 6}));
  expect_refused({kSaeLensTensors, "W_enc", "[24, 6]", "[6, 24]"});
  replace("threshold", at::zeros({1}));
  expect_refused({kSaeLensTensors, "threshold", "[1]", "[24]"});
  replace("b_mag", at::zeros({24}));
  expect_refused({kSaeLensTensors, "b_mag", "cannot have"});
  replace("b_dec", at::zeros({6}, at::kLong));
  expect_refused({kSaeLensTensors, "b_dec", "I64"});
}

TEST_F(SaeLensFolder, NumbersThatMakeNoSaeAreRefused) {
  at::Tensor spoilt = sae_.parameters.W_dec.clone();
  spoilt[23][5] = std::numeric_limits<float>::quiet_NaN();
  replace("W_dec", spoilt);
  expect_refused({kSaeLensTensors, "W_dec", "not finite"});
  at::Tensor threshold = sae_.parameters.threshold.clone();
  threshold[7] = -0.5;
  replace("threshold", threshold);
  expect_refused({kSaeLensTensors, "threshold", "-0.5"});
  threshold[7] = std::numeric_limits<float>::quiet_NaN();
  replace("threshold", threshold);
  expect_refused({kSaeLensTensors, "threshold", "not finite"});
}

TEST_F(SaeLensFolder, ScalingFactorsOfOneAreNoneAndOthersAreRefused) {
  replace("scaling_factor", at::ones({24}));
  EXPECT_TRUE(at::equal(load_sae(path()).parameters.W_dec, sae_.parameters.W_dec));
  replace("scaling_factor", at::full({24}, 1.5));
  expect_refused({kSaeLensTensors, "scaling_factor"});
}

TEST_F(SaeLensFolder, RowsOfLengthZeroThatRescaleAreRefused) {
  Json config = config_;
  config["architecture"] = "topk";
  config["k"] = 3;
  config["rescale_acts_by_decoder_norm"] = true;
  write_file(path() / "cfg.json", config.dump());
  at::Tensor W_dec = sae_.parameters.W_dec.clone();
  W_dec[4].zero_();
  model::write_safetensors(
      path() / kSaeLensTensors,
      {{"W_enc", at::ones({6, 24})}, {"b_enc", at::zeros({24})}, {"W_dec", W_dec}, {"b_dec", at::zeros({6})}});
  expect_refused({kSaeLensTensors, "W_dec", "row 4"});
}

TEST_F(SaeLensFolder, KAboveTheLatentsIsRefused) {
  Json config = config_;
  config["architecture"] = "topk";
  config["k"] = 25;
  write_file(path() / "cfg.json", config.dump());
  expect_refused({"cfg.json", "k is 25", "24 latents"});
}

TEST_F(SaeLensFolder, FoldersOfNeitherFormAreRefused) {
  std::filesystem::remove(path() / kSaeLensTensors);
  expect_refused({kSaeLensTensors, "no such file"});
  write_file(path() / "cfg.json", "{}");
  expect_refused({"cfg.json", "SAELens", "sparsify"});
  std::filesystem::remove(path() / "cfg.json");
  expect_refused({"cfg.json", "no such file"});
}

TEST(SaveSaeLens, KindsThatSaeLensLacksBecomeJumpReluOfTheSameCodes) {
  for (const Architecture architecture : {Architecture::kBatchTopK, Architecture::kMatryoshka, Architecture::kRelu}) {
    const test::TemporaryFolder folder;
    const Sae sae = test::drawn_sae(6, 24, 4, architecture);
    save_saelens(folder.path(), sae, {});
    const Sae read = load_sae(folder.path());
    EXPECT_EQ(read.architecture, architecture == Architecture::kRelu ? Architecture::kRelu : Architecture::kJumpRelu);
    const at::Tensor x = test::drawn("x", {50, 6});
    EXPECT_TRUE(test::same(encode(read, x), encode(sae, x))) << name_of(architecture);
  }
  EXPECT_FALSE(saelens_holds(Architecture::kGroupMax));
}

}  // namespace
}  // namespace saesweep::sae
