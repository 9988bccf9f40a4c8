#include "model/checkpoint.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/errors.h"
#include "model/small_model.h"
#include "support/temporary_folder.h"

namespace saesweep::model {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class CheckpointFolder : public ::testing::Test {
 protected:
  CheckpointFolder() {
    test::write_config(folder_.path(), test::small_config());
    tensors_ = test::small_tensors(read_config(folder_.path()));
  }
  void write(const TensorMap& tensors, const std::string& file = "model.safetensors") const {
    write_safetensors(folder_.path() / file, {tensors.begin(), tensors.end()});
  }
  static std::string hash_of(const std::filesystem::path& folder) { return checkpoint_hash(Checkpoint(folder)); }
  std::string refusal() const {
    return test::message_of<ModelError>([&] { Checkpoint{folder_.path()}; });
  }

  test::TemporaryFolder folder_;
  TensorMap tensors_;
};

TEST_F(CheckpointFolder, HasTheParametersOfPythia) {
  const auto shapes = parameter_shapes(read_config(folder_.path()));
  EXPECT_EQ(shapes.size(), 2U + 2U + 3U * 12U);
  EXPECT_EQ(shapes.at("gpt_neox.layers.2.attention.query_key_value.weight"), (std::vector<int64_t>{48, 16}));
  EXPECT_EQ(shapes.at("gpt_neox.layers.2.mlp.dense_4h_to_h.weight"), (std::vector<int64_t>{16, 48}));
  EXPECT_EQ(shapes.at("embed_out.weight"), (std::vector<int64_t>{32, 16}));
}

TEST_F(CheckpointFolder, BuffersOfOldCheckpointsAreSkipped) {
  TensorMap with_buffers = tensors_;
  with_buffers["gpt_neox.layers.0.attention.bias"] = at::ones({1, 1, 12, 12}, at::kByte);
  with_buffers["gpt_neox.layers.1.attention.bias"] = at::ones({1, 1, 12, 12}, at::kBool);
  with_buffers["gpt_neox.layers.0.attention.masked_bias"] = at::scalar_tensor(-1e9);
  with_buffers["gpt_neox.layers.1.attention.masked_bias"] = at::scalar_tensor(-1e4, at::kHalf);
  with_buffers["gpt_neox.layers.0.attention.rotary_emb.inv_freq"] = at::ones({4});
  write(with_buffers);
  const Checkpoint read(folder_.path());
  EXPECT_EQ(read.parameters().size(), tensors_.size());
  for (const auto& [name, tensor] : tensors_) EXPECT_TRUE(at::equal(read.tensor(name, at::kFloat), tensor)) << name;
}

TEST_F(CheckpointFolder, TheNewNameOfTheUnembeddingIsRead) {
  TensorMap renamed = tensors_;
  const at::Tensor head = renamed.extract("embed_out.weight").mapped();
  renamed["lm_head.weight"] = head;
  write(renamed);
  EXPECT_TRUE(at::equal(Checkpoint(folder_.path()).tensor("embed_out.weight", at::kFloat), head));
}

TEST_F(CheckpointFolder, ShardsAreReadAsOneAndHashAlike) {
  write(tensors_);
  const std::string whole = hash_of(folder_.path());
  std::filesystem::remove(folder_.path() / "model.safetensors");
  TensorMap first, second;
  Json map;
  for (const auto& [name, tensor] : tensors_) {
    const bool odd = (first.size() + second.size()) % 2 != 0;
    (odd ? second : first)[name] = tensor;
    map[name] = odd ? "b.safetensors" : "a.safetensors";
  }
  write(first, "a.safetensors");
  write(second, "b.safetensors");
  write_file(folder_.path() / "model.safetensors.index.json", Json{{"weight_map", map}}.dump());
  EXPECT_EQ(Checkpoint(folder_.path()).parameters().size(), tensors_.size());
  EXPECT_EQ(hash_of(folder_.path()), whole);
}

TEST_F(CheckpointFolder, TheHashFollowsContentAndNotThePlace) {
  write(tensors_);
  const std::string hash = hash_of(folder_.path());
  EXPECT_EQ(hash.size(), 64U);
  const test::TemporaryFolder other;
  std::filesystem::copy(folder_.path(), other.path(), std::filesystem::copy_options::recursive);
  EXPECT_EQ(hash_of(other.path()), hash);

  Json config = test::small_config();
  config["use_cache"] = false;
  test::write_config(other.path(), config);
  EXPECT_EQ(hash_of(other.path()), hash);
  config["use_parallel_residual"] = false;
  test::write_config(other.path(), config);
  EXPECT_NE(hash_of(other.path()), hash);

  tensors_["gpt_neox.final_layer_norm.bias"] = tensors_["gpt_neox.final_layer_norm.bias"].clone();
  tensors_["gpt_neox.final_layer_norm.bias"][15] += 1e-3;
  write(tensors_);
  EXPECT_NE(hash_of(folder_.path()), hash);
}

TEST_F(CheckpointFolder, MissingMisshapenAndUnknownTensorsAreNamed) {
  TensorMap changed = tensors_;
  changed.erase("gpt_neox.layers.1.mlp.dense_h_to_4h.bias");
  write(changed);
  EXPECT_THAT(refusal(),
              AllOf(HasSubstr("gpt_neox.layers.1.mlp.dense_h_to_4h.bias"), HasSubstr("no such"), HasSubstr("[48]")));

  changed = tensors_;
  changed["gpt_neox.layers.1.mlp.dense_h_to_4h.bias"] = at::ones({47});
  write(changed);
  EXPECT_THAT(refusal(), AllOf(HasSubstr("model.safetensors: gpt_neox.layers.1.mlp.dense_h_to_4h.bias"),
                               HasSubstr("[47] found"), HasSubstr("[48] expected")));

  changed = tensors_;
  changed["gpt_neox.layers.3.mlp.dense_h_to_4h.bias"] = at::ones({48});
  write(changed);
  EXPECT_THAT(refusal(), AllOf(HasSubstr("gpt_neox.layers.3.mlp.dense_h_to_4h.bias: unknown"), HasSubstr("3 layers")));

  changed = tensors_;
  changed["gpt_neox.final_layer_norm.bias"] = at::ones({16}, at::kInt);
  write(changed);
  EXPECT_THAT(refusal(), AllOf(HasSubstr("gpt_neox.final_layer_norm.bias"), HasSubstr("I32 found")));
}

TEST_F(CheckpointFolder, AFolderWithoutWeightsIsRefused) {
  EXPECT_THAT(refusal(), AllOf(HasSubstr(folder_.path().string()), HasSubstr("model.safetensors")));
  write_file(folder_.path() / "model.safetensors.index.json", R"({"weight_map":{"x":"away.safetensors"}})");
  EXPECT_THAT(test::message_of<InputError>([&] { Checkpoint{folder_.path()}; }), HasSubstr("away.safetensors"));
  write_file(folder_.path() / "model.safetensors.index.json", R"({"weight_map":[]})");
  EXPECT_THAT(refusal(), HasSubstr("weight_map"));
}

TEST_F(CheckpointFolder, WeightsInPicklesAreRefusedWithWhatConvertsThem) {
  for (const char* file : {"pytorch_model.bin", "pytorch_model.bin.index.json"}) {
    write_file(folder_.path() / file, "");
    EXPECT_THAT(refusal(), AllOf(HasSubstr("pytorch_model"), HasSubstr("scripts/fetch_models.sh"))) << file;
    std::filesystem::remove(folder_.path() / file);
  }
}

TEST_F(CheckpointFolder, PiecesOfAParameterAreTheWholeInOrder) {
  Json config = test::small_config();
  config["vocab_size"] = kPieceElements / 16 + 3;  // the embedding: a whole piece and a rest
  test::write_small_model(folder_.path(), 0, at::kBFloat16, config);
  const Checkpoint read(folder_.path());
  const at::Tensor expected = SafetensorsFile(folder_.path() / "model.safetensors").tensor(kEmbeddingName);
  std::vector<at::Tensor> pieces;
  read.read(kEmbeddingName, [&](int64_t first, const at::Tensor& piece) {
    EXPECT_EQ(first, static_cast<int64_t>(pieces.size()) * kPieceElements);
    pieces.push_back(piece.clone());
  });
  ASSERT_EQ(pieces.size(), 2U);
  EXPECT_TRUE(at::equal(at::cat(pieces), expected.flatten()));
  EXPECT_TRUE(at::equal(read.tensor(kEmbeddingName, at::kFloat), expected.to(at::kFloat)));
}

}  // namespace
}  // namespace saesweep::model
