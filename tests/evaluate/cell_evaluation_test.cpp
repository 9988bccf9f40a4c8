#include "evaluate/cell_evaluation.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>

#include "base/errors.h"
#include "model/small_model.h"
#include "sae/drawn.h"
#include "support/temporary_folder.h"

namespace saesweep::evaluate {
namespace {

constexpr int64_t kRows = 4;
constexpr int64_t kContext = 10;

model::GptNeox small_gpt_neox() {
  const test::TemporaryFolder folder;
  test::write_config(folder.path(), test::small_config());
  const model::GptNeoxConfig config = model::read_config(folder.path());
  return {config, test::small_tensors(config), at::kFloat};
}

//! A drawn model of 3 layers and width 16, and what it makes of some tokens.
class OnASmallModel : public testing::Test {
 protected:
  at::Tensor activations(const model::Hookpoint& hookpoint) const {
    return model_.forward(ids_, {{hookpoint}}).captured.front().reshape({kRows * kContext, -1}).contiguous();
  }

  const model::GptNeox model_ = small_gpt_neox();
  const at::Tensor ids_ = test::small_ids(kRows, kContext);
  const at::Tensor logits_ = model_.forward(ids_, {{}, true}).logits;
  const std::vector<model::Hookpoint> places_ = {
      model::hookpoint_from("embed_in"),           model::hookpoint_from("layers.0"),
      model::hookpoint_from("layers.2"),           model::hookpoint_from("layers.0.mlp"),
      model::hookpoint_from("layers.1.attention"), model::hookpoint_from("layers.2.mlp")};
  const PatchedLosses::Streams before_ = streams_before();

 private:
  PatchedLosses::Streams streams_before() const {
    PatchedLosses::Streams streams;
    for (const model::Hookpoint& hookpoint : places_) {
      if (hookpoint.is_block_output()) streams[hookpoint] = model_.forward(ids_, {{hookpoint.before()}}).captured.at(0);
    }
    return streams;
  }
};

TEST_F(OnASmallModel, ReplacingAPlaceWithItselfChangesNothing) {
  const PatchedLosses losses(model_, &logits_, ids_, before_);
  for (const model::Hookpoint& hookpoint : places_) {
    const LossSums same = losses.replaced(hookpoint, activations(hookpoint));
    EXPECT_EQ(same.cross_entropy, losses.clean().cross_entropy) << hookpoint.name();
    EXPECT_EQ(same.kl, 0.0) << hookpoint.name();
    EXPECT_EQ(same.n_tokens, kRows * (kContext - 1));
  }
}

TEST_F(OnASmallModel, ZerosCostWhatZerosInThePlaceCost) {
  PatchedLosses losses(model_, &logits_, ids_, before_);
  for (const model::Hookpoint& hookpoint : places_) {
    const at::Tensor zeros = at::zeros({kRows, kContext, 16});
    const at::Tensor before = hookpoint.is_block_output() ? before_.at(hookpoint) : at::Tensor();
    const at::Tensor logits = model_.logits_replacing(hookpoint, zeros, before);
    const LossSums expected = CleanPredictions(logits_, ids_).changed(logits);
    EXPECT_EQ(losses.zeroed(hookpoint).cross_entropy, expected.cross_entropy) << hookpoint.name();
    EXPECT_EQ(losses.zeroed(hookpoint).kl, expected.kl) << hookpoint.name();
    EXPECT_GT(expected.kl, 0.0);
  }
}

TEST_F(OnASmallModel, EvaluationIsMadeOfItsParts) {
  const model::Hookpoint hookpoint = model::hookpoint_from("layers.1");
  const at::Tensor x = activations(hookpoint);
  const sae::Sae sae = test::drawn_sae(16, 64, 8);
  PatchedLosses losses(model_, &logits_, ids_, before_);
  PatchedLosses no_losses(model_, nullptr, ids_, before_);
  CellEvaluation evaluation(64);
  evaluation.add_held_out(sae, x, kContext, hookpoint, losses);
  evaluation.add_held_out(sae, x, kContext, hookpoint, no_losses);
  evaluation.add_train(sae, 2 * x, kContext);

  const auto listed = evaluation.metrics();
  std::map<std::string, double> metrics(listed.begin(), listed.end());
  EXPECT_EQ(evaluation.n_tokens(), 2 * kRows * kContext);
  EXPECT_EQ(evaluation.n_predictions(), kRows * (kContext - 1));
  ReconstructionSums held_out, train;
  const sae::Codes codes = sae::encode(sae, x);
  const at::Tensor x_hat = sae::decode(sae, codes);
  for (int i = 0; i < 2; ++i) held_out.add(x, x_hat, kContext);
  train.add(2 * x, sae::decode(sae, sae::encode(sae, 2 * x)), kContext);
  EXPECT_EQ(metrics["explained_variance"], held_out.all().explained_variance);
  EXPECT_EQ(metrics["cosine_similarity"], held_out.all().cosine_similarity);
  EXPECT_EQ(metrics["mse_no_first"], held_out.without_first().mse);
  EXPECT_EQ(metrics["explained_variance_train"], train.all().explained_variance);
  EXPECT_NEAR(metrics["l0"], static_cast<double>(codes.n_entries()) / static_cast<double>(codes.n_tokens()), 1e-12);
  EXPECT_NEAR(metrics["l1"], codes.values.to(at::kDouble).sum().item<double>() / static_cast<double>(codes.n_tokens()),
              1e-5 * metrics["l1"]);

  constexpr double kPredictions = kRows * (kContext - 1);
  const LossSums replaced = losses.replaced(hookpoint, x_hat);
  EXPECT_DOUBLE_EQ(metrics["ce_clean"], losses.clean().cross_entropy / kPredictions);
  EXPECT_DOUBLE_EQ(metrics["ce_sae"], replaced.cross_entropy / kPredictions);
  EXPECT_DOUBLE_EQ(metrics["ce_zero"], losses.zeroed(hookpoint).cross_entropy / kPredictions);
  EXPECT_DOUBLE_EQ(metrics["kl_score"], 1 - metrics["kl_sae"] / metrics["kl_zero"]);
}

TEST_F(OnASmallModel, OutputsOfAttentionAndMlpHaveLossesToo) {
  for (const char* name : {"layers.0.mlp", "layers.1.attention"}) {
    const model::Hookpoint hookpoint = model::hookpoint_from(name);
    PatchedLosses losses(model_, &logits_, ids_, before_);
    CellEvaluation evaluation(64);
    evaluation.add_held_out(test::drawn_sae(16, 64, 8), activations(hookpoint), kContext, hookpoint, losses);
    EXPECT_EQ(evaluation.n_predictions(), kRows * (kContext - 1));
    const auto listed = evaluation.metrics();
    const std::map<std::string, double> metrics(listed.begin(), listed.end());
    for (const char* column : {"ce_clean", "ce_sae", "ce_zero", "kl_sae", "kl_zero"}) {
      EXPECT_GT(metrics.at(column), 0) << name << " " << column;
    }
  }
}

TEST_F(OnASmallModel, AReconstructionThatIsNotFiniteFailsTheCell) {
  sae::Sae sae = test::drawn_sae(16, 64, 8);
  sae.parameters.b_dec[3] = std::numeric_limits<float>::infinity();
  const model::Hookpoint hookpoint = model::hookpoint_from("layers.0");
  PatchedLosses losses(model_, nullptr, ids_, before_);
  CellEvaluation evaluation(64);
  EXPECT_THROW(evaluation.add_held_out(sae, activations(hookpoint), kContext, hookpoint, losses), NumericError);
}

}  // namespace
}  // namespace saesweep::evaluate
