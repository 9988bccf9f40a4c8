#include "model/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/errors.h"
#include "model/small_model.h"
#include "support/temporary_folder.h"

namespace saesweep::model {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class Config : public ::testing::Test {
 protected:
  GptNeoxConfig read(const Json& json) const {
    test::write_config(folder_.path(), json);
    return read_config(folder_.path());
  }
  //! The message for the small model's settings with one key changed.
  std::string refusal(const char* key, const Json& value) const {
    Json json = test::small_config();
    json[key] = value;
    return test::message_of<ModelError>([&] { read(json); });
  }

  test::TemporaryFolder folder_;
};

TEST_F(Config, TransformersFiveFormIsRead) {
  const GptNeoxConfig config = read(test::small_config());
  EXPECT_EQ(config.n_layers, 3);
  EXPECT_EQ(config.d_model, 16);
  EXPECT_EQ(config.n_heads, 2);
  EXPECT_EQ(config.d_mlp, 48);
  EXPECT_EQ(config.vocab_size, 32);
  EXPECT_EQ(config.max_context, 12);
  EXPECT_EQ(config.rotary_fraction, 0.5);
  EXPECT_TRUE(config.parallel_residual);
  EXPECT_FALSE(config.tied_embeddings);
}

TEST_F(Config, PythiasOldFormIsRead) {
  const Json pythia = {{"architectures", {"GPTNeoXForCausalLM"}},
                       {"model_type", "gpt_neox"},
                       {"hidden_act", "gelu"},
                       {"hidden_size", 512},
                       {"initializer_range", 0.02},
                       {"intermediate_size", 2048},
                       {"layer_norm_eps", 1e-05},
                       {"max_position_embeddings", 2048},
                       {"num_attention_heads", 8},
                       {"num_hidden_layers", 6},
                       {"rotary_emb_base", 5000},
                       {"rotary_pct", 0.125},
                       {"tie_word_embeddings", false},
                       {"torch_dtype", "float16"},
                       {"use_parallel_residual", false},
                       {"rope_scaling", nullptr},
                       {"vocab_size", 50304}};
  const GptNeoxConfig config = read(pythia);
  EXPECT_EQ(config.d_model, 512);
  EXPECT_EQ(config.rotary_base, 5000);
  EXPECT_EQ(config.rotary_fraction, 0.125);
  EXPECT_FALSE(config.parallel_residual);
  EXPECT_TRUE(config.attention_bias);
}

// As transformers: rope_scaling goes before rope_parameters, and what it leaves out comes from the old keys.
TEST_F(Config, LinearlyScaledPositionsAreRead) {
  Json json = test::small_config();
  json["rope_scaling"] = {{"type", "linear"}, {"factor", 2.0}};
  json["rotary_pct"] = 0.25;
  json["rotary_emb_base"] = 500;
  EXPECT_EQ(read(json).rotary_scale, 2.0);
  EXPECT_EQ(read(json).rotary_fraction, 0.25);
  EXPECT_EQ(read(json).rotary_base, 500);
  json.erase("rope_scaling");
  EXPECT_EQ(read(json).rotary_scale, 1.0);
  EXPECT_EQ(read(json).rotary_fraction, 0.5);
  json["rope_parameters"] = {{"rope_type", "linear"}, {"factor", 4.0}, {"partial_rotary_factor", 1.0}};
  EXPECT_EQ(read(json).rotary_scale, 4.0);
  EXPECT_EQ(read(json).rotary_fraction, 1.0);
}

TEST_F(Config, TheRecipeOfStep0IsAKeyOfOurs) {
  EXPECT_EQ(read(test::small_config()).step0_recipe, "");
  EXPECT_EQ(read_config("sweeps/configs/pythia-2.8b.json").step0_recipe, "small_init");
  EXPECT_EQ(read_config("sweeps/configs/pythia-6.9b.json").step0_recipe, "neox_default");
  EXPECT_THAT(refusal("saesweep_step0", "xavier"), AllOf(HasSubstr("'xavier'"), HasSubstr("small_init")));
}

TEST_F(Config, OtherArchitecturesAreRefusedByName) {
  EXPECT_THAT(refusal("model_type", "llama"),
              AllOf(HasSubstr("config.json: model_type"), HasSubstr("'llama'"), HasSubstr("'gpt_neox'")));
}

TEST_F(Config, SettingsThatWouldGoUnhonouredAreRefused) {
  for (const char* type : {"dynamic", "yarn", "longrope", "llama3"}) {
    EXPECT_THAT(refusal("rope_scaling", {{"type", type}, {"factor", 2.0}}), HasSubstr(type));
    EXPECT_THAT(refusal("rope_parameters", {{"rope_type", type}}), HasSubstr(type));
  }
  EXPECT_THAT(refusal("rope_parameters", {{"full_attention", {{"rope_type", "default"}}}}),
              HasSubstr("full_attention"));
  EXPECT_THAT(refusal("rope_scaling", {{"type", "linear"}}), HasSubstr("factor"));
  EXPECT_THAT(refusal("rope_scaling", {{"type", "linear"}, {"factor", -2.0}}), HasSubstr("factor"));
  EXPECT_THAT(refusal("quantization_config", {{"bits", 4}}), HasSubstr("quantized"));
  EXPECT_THAT(refusal("hidden_act", "swish"), AllOf(HasSubstr("'swish'"), HasSubstr("gelu")));
  EXPECT_THAT(refusal("head_dim", 4), AllOf(HasSubstr("head_dim: found 4"), HasSubstr("expected 8")));
}

TEST_F(Config, ImpossibleShapesAreRefused) {
  EXPECT_THAT(refusal("num_attention_heads", 3), HasSubstr("num_attention_heads: found 3, expected a divisor"));
  EXPECT_THAT(refusal("hidden_size", 0), HasSubstr("hidden_size: found 0"));
  EXPECT_THAT(refusal("hidden_size", "16"), HasSubstr("positive whole number"));
  EXPECT_THAT(refusal("vocab_size", nullptr), HasSubstr("vocab_size: found nothing"));
  EXPECT_THAT(refusal("rope_parameters", {{"partial_rotary_factor", 0.4}}), HasSubstr("even number"));
  EXPECT_THAT(refusal("rope_parameters", {{"partial_rotary_factor", 1.5}}), HasSubstr("rotary_pct"));
  EXPECT_THAT(refusal("use_parallel_residual", "yes"), HasSubstr("true or false"));
}

TEST_F(Config, AMissingOrBrokenFileIsNamed) {
  EXPECT_THAT(test::message_of<ModelError>([&] { read_config(folder_.path() / "none"); }),
              HasSubstr("none/config.json"));
  write_file(folder_.path() / "config.json", "{\"model_type\":");
  EXPECT_THAT(test::message_of<InputError>([&] { read_config(folder_.path()); }), HasSubstr("config.json"));
}

}  // namespace
}  // namespace saesweep::model
