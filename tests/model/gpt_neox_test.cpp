#include "model/gpt_neox.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/errors.h"
#include "model/attention.h"
#include "model/small_model.h"
#include "support/temporary_folder.h"

namespace saesweep::model {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using Kind = Hookpoint::Kind;

GptNeoxConfig config_of(const Json& json) {
  const test::TemporaryFolder folder;
  test::write_config(folder.path(), json);
  return read_config(folder.path());
}

GptNeox small_model(const Json& json = test::small_config(), at::ScalarType dtype = at::kFloat) {
  const GptNeoxConfig config = config_of(json);
  return {config, test::small_tensors(config), dtype};
}

//! Every place of the small model.
std::vector<Hookpoint> all_hookpoints() {
  std::vector<Hookpoint> all = {{Kind::kEmbedding, -1}};
  for (int64_t layer = 0; layer < 3; ++layer) {
    for (const Kind kind : {Kind::kAttention, Kind::kMlp, Kind::kResidual}) all.push_back({kind, layer});
  }
  return all;
}

TEST(GptNeoxForward, GivesTheSameBitsWhateverIsCaptured) {
  const GptNeox model = small_model();
  const at::Tensor ids = test::small_ids(4, 12);
  const std::vector<Hookpoint> all = all_hookpoints();
  const ForwardResult together = model.forward(ids, {.capture = all, .logits = true});
  ASSERT_EQ(together.captured.size(), all.size());
  for (size_t i = 0; i < all.size(); ++i) {
    const ForwardResult alone = model.forward(ids, {.capture = {all[i]}});
    EXPECT_TRUE(at::equal(alone.captured.at(0), together.captured[i])) << all[i].name();
    EXPECT_EQ(alone.captured[0].sizes(), at::IntArrayRef({4, 12, 16})) << all[i].name();
    EXPECT_FALSE(alone.logits.defined());
  }
  EXPECT_TRUE(at::equal(model.forward(ids, {.logits = true}).logits, together.logits));
  EXPECT_EQ(together.logits.sizes(), at::IntArrayRef({4, 12, 32}));
}

TEST(GptNeoxForward, CapturesInTheOrderOfTheRequest) {
  const GptNeox model = small_model();
  const at::Tensor ids = test::small_ids(2, 5);
  const Hookpoint last{Kind::kResidual, 2}, first{Kind::kResidual, 0};
  const std::vector<at::Tensor> captured = model.forward(ids, {.capture = {last, first, last}}).captured;
  EXPECT_TRUE(at::equal(captured[0], captured[2]));
  EXPECT_TRUE(at::equal(captured[1], model.forward(ids, {.capture = {first}}).captured[0]));
}

TEST(GptNeoxForward, TheResidualIsTheSumOfWhatBlocksAdd) {
  const std::vector<at::Tensor> x =
      small_model().forward(test::small_ids(2, 7), {.capture = all_hookpoints()}).captured;
  EXPECT_TRUE(at::allclose(x[3], x[0] + x[1] + x[2], 1e-5, 1e-5));
  EXPECT_TRUE(at::allclose(x[6], x[3] + x[4] + x[5], 1e-5, 1e-5));
}

TEST(GptNeoxForward, ATokenSeesNoneAfterItAndNoOtherRow) {
  const GptNeox model = small_model();
  const at::Tensor ids = test::small_ids(2, 8);
  at::Tensor changed = ids.clone();
  changed[0][6] = (ids[0][6] + 1) % 32;
  const ForwardRequest request{.logits = true};
  const at::Tensor before = model.forward(ids, request).logits;
  const at::Tensor after = model.forward(changed, request).logits;
  EXPECT_TRUE(at::equal(before[0].narrow(0, 0, 6), after[0].narrow(0, 0, 6)));
  EXPECT_TRUE(at::equal(before[1], after[1]));
  EXPECT_FALSE(at::allclose(before[0][6], after[0][6]));
  EXPECT_FALSE(at::allclose(before[0][7], after[0][7]));
}

TEST(GptNeoxForward, EmbeddingsGivenStandForTheTokens) {
  const GptNeox model = small_model();
  const at::Tensor ids = test::small_ids(2, 6);
  const Hookpoint embedding{Kind::kEmbedding, -1};
  const ForwardResult own = model.forward(ids, {.capture = {embedding}, .logits = true});
  const ForwardResult given = model.forward({}, {.logits = true, .embeddings = own.captured[0]});
  EXPECT_TRUE(at::equal(given.logits, own.logits));
  EXPECT_FALSE(at::allclose(model.forward({}, {.logits = true, .embeddings = own.captured[0] * 2}).logits, own.logits));
}

//! The residual streams that blocks read, by hookpoint of all_hookpoints(); undefined for the streams themselves.
std::vector<at::Tensor> streams_before(const GptNeox& model, const at::Tensor& ids) {
  std::vector<at::Tensor> streams;
  for (const Hookpoint& hookpoint : all_hookpoints()) {
    const bool reads = hookpoint.is_block_output();
    streams.push_back(reads ? model.forward(ids, {.capture = {hookpoint.before()}}).captured.at(0) : at::Tensor());
  }
  return streams;
}

class GptNeoxReplacing : public testing::TestWithParam<bool> {
 protected:
  static GptNeox model() {
    Json json = test::small_config();
    json["use_parallel_residual"] = GetParam();
    return small_model(json);
  }
};

TEST_P(GptNeoxReplacing, WhatStandsThereByItselfGivesTheSameBits) {
  const GptNeox model = GptNeoxReplacing::model();
  const at::Tensor ids = test::small_ids(4, 12);
  const std::vector<Hookpoint> all = all_hookpoints();
  const std::vector<at::Tensor> before = streams_before(model, ids);
  const ForwardResult full = model.forward(ids, {.capture = all, .logits = true});
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_TRUE(at::equal(model.logits_replacing(all[i], full.captured[i], before[i]), full.logits)) << all[i].name();
  }
}

TEST_P(GptNeoxReplacing, AnOutputByZerosEqualsAModelWhoseOutputIsZero) {
  Json json = test::small_config();
  json["use_parallel_residual"] = GetParam();
  const GptNeoxConfig config = config_of(json);
  const at::Tensor ids = test::small_ids(4, 12);
  for (const auto& [kind, linear] :
       {std::pair(Kind::kAttention, "attention.dense"), {Kind::kMlp, "mlp.dense_4h_to_h"}}) {
    const Hookpoint hookpoint{kind, 1};
    TensorMap tensors = test::small_tensors(config);
    const GptNeox model(config, tensors, at::kFloat);
    for (const char* part : {".weight", ".bias"}) {
      tensors[std::string("gpt_neox.layers.1.") + linear + part].zero_();
    }
    const at::Tensor before = model.forward(ids, {.capture = {hookpoint.before()}}).captured.at(0);
    const at::Tensor expected = GptNeox(config, tensors, at::kFloat).forward(ids, {.logits = true}).logits;
    EXPECT_TRUE(at::equal(model.logits_replacing(hookpoint, at::zeros({4, 12, 16}), before), expected)) << linear;
    EXPECT_FALSE(at::allclose(expected, model.forward(ids, {.logits = true}).logits)) << linear;
  }
}

INSTANTIATE_TEST_SUITE_P(ParallelResidual, GptNeoxReplacing, testing::Bool());

TEST(GptNeoxForward, BfloatIsNearFloat) {
  const at::Tensor ids = test::small_ids(2, 12);
  const at::Tensor exact = small_model().forward(ids, {.logits = true}).logits;
  const at::Tensor rounded = small_model(test::small_config(), at::kBFloat16).forward(ids, {.logits = true}).logits;
  EXPECT_EQ(rounded.scalar_type(), at::kBFloat16);
  const double error = ((rounded.to(at::kFloat) - exact).norm() / exact.norm()).item<double>();
  EXPECT_GT(error, 0.0);
  EXPECT_LT(error, 0.05);  // 2^-9 a rounding, some tens of roundings in a row
}

TEST(GptNeoxForward, WhatTheModelLacksIsRefused) {
  const GptNeox model = small_model();
  const at::Tensor ids = test::small_ids(1, 4);
  const auto refusal = [&](const at::Tensor& tokens, const ForwardRequest& request) {
    return test::message_of<ModelError>([&] { model.forward(tokens, request); });
  };
  EXPECT_THAT(refusal(ids, {.capture = {{Kind::kMlp, 3}}}), AllOf(HasSubstr("layers.3.mlp"), HasSubstr("3 layers")));
  EXPECT_THAT(refusal(ids + 32, {.logits = true}), HasSubstr("vocabulary has 32"));
  EXPECT_THAT(refusal(ids - 32, {.logits = true}), HasSubstr("vocabulary has 32"));
  EXPECT_THAT(refusal(test::small_ids(1, 13), {.logits = true}),
              AllOf(HasSubstr("13 tokens"), HasSubstr("at most 12")));
  EXPECT_THROW(model.logits_replacing({Kind::kResidual, 3}, at::zeros({1, 4, 16})), ModelError);
}

TEST(GptNeoxWeights, MissingAndMisshapenOnesAreNamed) {
  const GptNeoxConfig config = config_of(test::small_config());
  TensorMap tensors = test::small_tensors(config);
  const std::string name = "gpt_neox.layers.1.mlp.dense_h_to_4h.bias";
  tensors[name] = at::ones({3});
  const auto refusal = [&] { return test::message_of<ModelError>([&] { GptNeox(config, tensors, at::kFloat); }); };
  EXPECT_THAT(refusal(), AllOf(HasSubstr(name), HasSubstr("[3] found, [48] expected")));
  tensors.erase(name);
  EXPECT_THAT(refusal(), AllOf(HasSubstr(name), HasSubstr("no such tensor")));
}

TEST(RotaryPositions, TurnAsTheFormulaSays) {
  const auto [cos, sin] = rotary_tables(10, 4, 100.0);
  const at::Tensor qkv = at::zeros({1, 10, 1, 18}, at::kDouble);  // d_head 6, of which 4 are turned
  qkv.select(3, 1).fill_(1.0);                                    // query: second dimension, of the pair (1, 3)
  qkv.select(3, 5).fill_(2.0);                                    // query: past the turned ones
  qkv.select(3, 6).fill_(3.0);                                    // key: first dimension, of the pair (0, 2)
  qkv.select(3, 13).fill_(4.0);                                   // value
  const at::Tensor turned = qkv.to(at::kFloat);
  rotate(turned, cos, sin);
  for (int64_t p = 0; p < 10; ++p) {
    const at::Tensor x = turned[0][p][0];
    const auto place = static_cast<double>(p);
    EXPECT_NEAR(x[1].item<double>(), std::cos(place / 10), 1e-6);
    EXPECT_NEAR(x[3].item<double>(), std::sin(place / 10), 1e-6);
    EXPECT_NEAR(x[6].item<double>(), 3 * std::cos(place), 1e-6);
    EXPECT_NEAR(x[8].item<double>(), 3 * std::sin(place), 1e-6);
    EXPECT_EQ(x[5].item<double>(), 2.0);
    EXPECT_EQ(x[13].item<double>(), 4.0);
  }
}

TEST(RotaryPositions, AScaleDividesThePositions) {
  const auto [cos, sin] = rotary_tables(10, 4, 100.0);
  const auto [scaled_cos, scaled_sin] = rotary_tables(20, 4, 100.0, 2.0);
  const auto even = at::arange(0, 20, 2);
  EXPECT_TRUE(at::equal(scaled_cos.index_select(0, even), cos));
  EXPECT_TRUE(at::equal(scaled_sin.index_select(0, even), sin));
}

TEST(RotaryPositions, TheLoopAndTheOperatorsAgree) {
  const auto [cos, sin] = rotary_tables(12, 8, 10000.0);
  const at::Tensor qkv = at::randn({3, 12, 2, 48});
  const at::Tensor by_loop = qkv.clone();
  const at::Tensor by_operators = qkv.to(at::kDouble);  // float64 has no loop of its own
  rotate(by_loop, cos, sin);
  rotate(by_operators, cos, sin);
  EXPECT_TRUE(at::allclose(by_loop.to(at::kDouble), by_operators, 1e-6, 1e-6));
}

TEST(CausalAttention, IsTheSoftmaxOverEarlierTokens) {
  const at::Tensor qkv = at::randn({2, 7, 3, 15});
  const at::Tensor out = causal_attention(qkv).view({2, 7, 3, 5}).to(at::kDouble);
  for (int64_t head = 0; head < 3; ++head) {
    for (int64_t token = 0; token < 7; ++token) {
      const at::Tensor seen = qkv[1].narrow(0, 0, token + 1).select(1, head).to(at::kDouble);
      const at::Tensor query = qkv[1][token][head].narrow(0, 0, 5).to(at::kDouble);
      const at::Tensor weights = at::softmax(seen.narrow(1, 5, 5).mv(query) / std::sqrt(5.0), 0);
      const at::Tensor expected = seen.narrow(1, 10, 5).t().mv(weights);
      EXPECT_TRUE(at::allclose(out[1][token][head], expected, 1e-5, 1e-6));
    }
  }
}

}  // namespace
}  // namespace saesweep::model
