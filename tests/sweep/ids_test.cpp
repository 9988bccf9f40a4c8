#include "sweep/ids.h"

#include <gtest/gtest.h>

#include <functional>

#include "sweep/small_sweep.h"

namespace saesweep::sweep {
namespace {

//! A cell with the sweep and inputs that its ids come from.
struct Case {
  SweepOptions options = small_sweep();
  ResolvedInputs inputs = small_inputs();
  Cell cell;

  explicit Case(model::Variant variant = model::Variant::kTrained) {
    for (const auto& candidate : expand(options, inputs)) {
      if (candidate.variant == variant) cell = candidate;
    }
  }
  void reassign() { assign_ids(cell, options, inputs); }
  ModelInputs& model() { return inputs.models.at("/models/tiny"); }
};

using Change = std::function<void(Case&)>;

const std::vector<std::pair<std::string, Change>>& training_changes() {
  static const std::vector<std::pair<std::string, Change>> changes = {
      {"model content", [](Case& c) { c.cell.model_hash = "other"; }},
      {"variant", [](Case& c) { c.cell.variant = model::Variant::kControl; }},
      {"init seed", [](Case& c) { c.cell.init_seed = 7; }},
      {"dtype", [](Case& c) { c.options.model.dtype = "bfloat16"; }},
      {"layer", [](Case& c) { c.cell.hookpoint.layer = 1; }},
      {"hookpoint", [](Case& c) { c.cell.hookpoint.kind = model::Hookpoint::Kind::kMlp; }},
      {"train text", [](Case& c) { c.inputs.train_text_hash = "other"; }},
      {"tokenizer", [](Case& c) { c.model().tokenizer_hash = "other"; }},
      {"context length", [](Case& c) { c.options.text.context_length = 128; }},
      {"data seed", [](Case& c) { c.options.text.data_seed = 1; }},
      {"architecture", [](Case& c) { c.cell.sae.architecture = sae::Architecture::kBatchTopK; }},
      {"expansion factor", [](Case& c) { c.cell.sae.expansion_factor = 8; }},
      {"k", [](Case& c) { c.cell.sae.k = 8; }},
      {"SAE seed", [](Case& c) { c.cell.sae_seed = 9; }},
      {"tokens", [](Case& c) { c.cell.tokens = 2048; }},
      {"batch", [](Case& c) { c.options.train.batch_tokens = 512; }},
      {"buffer", [](Case& c) { c.options.train.buffer_tokens = 4096; }},
      {"recipe", [](Case& c) { c.options.train.recipe = "heap2025"; }},
      {"optimizer", [](Case& c) { c.options.train.optimizer = "signum"; }},
      {"optimizer's state", [](Case& c) { c.options.train.optimizer_state = "bfloat16"; }},
      {"precision", [](Case& c) { c.options.train.precision = "bfloat16"; }},
      {"learning rate", [](Case& c) { c.options.train.learning_rate = 1e-3; }},
      {"warm-up", [](Case& c) { c.options.train.warmup_steps = 1; }},
      {"decay", [](Case& c) { c.options.train.decay = "constant"; }},
      {"accumulation", [](Case& c) { c.options.train.gradient_accumulation = 2; }},
      {"clipping", [](Case& c) { c.options.train.gradient_clip = 1; }},
      {"AuxK", [](Case& c) { c.options.train.auxk_alpha = 0.5; }},
      {"MultiTopK", [](Case& c) { c.options.train.multi_topk = true; }},
      {"start of b_dec", [](Case& c) { c.options.train.b_dec_start = "geometric_median"; }},
      {"device", [](Case& c) { c.options.run.device = "cuda"; }},
      {"dead after", [](Case& c) { c.options.train.dead_after_tokens = 1; }},
  };
  return changes;
}

TEST(Ids, AreThirtyTwoHexDigitsAndDiffer) {
  const Case c;
  EXPECT_EQ(c.cell.id.size(), 32u);
  EXPECT_EQ(c.cell.id.find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_NE(c.cell.id, c.cell.evaluate_id);
  EXPECT_NE(c.cell.evaluate_id, c.cell.score_id);
}

TEST(Ids, EverySettingOfTheTrainingChangesAllIds) {
  for (const auto& [name, change] : training_changes()) {
    Case changed;
    const Cell before = changed.cell;
    change(changed);
    changed.reassign();
    EXPECT_NE(changed.cell.id, before.id) << name;
    EXPECT_NE(changed.cell.evaluate_id, before.evaluate_id) << name;
    EXPECT_NE(changed.cell.score_id, before.score_id) << name;
  }
}

TEST(Ids, ADefaultThatIsWrittenOutIsNoOtherSetting) {
  Case changed;
  const std::string before = changed.cell.id;
  changed.options.train.warmup_steps = 1000;
  changed.options.train.decay = "linear";
  changed.options.train.gradient_accumulation = 1;
  changed.options.train.gradient_clip = 0;
  changed.options.train.auxk_alpha = 0;
  changed.options.train.b_dec_start = "mean";
  changed.reassign();
  EXPECT_EQ(changed.cell.id, before);
}

TEST(Ids, SparsitySettingsMatterToTheArchitecturesThatTakeThem) {
  for (const auto architecture : sae::all_architectures()) {
    Case changed;
    changed.cell.sae.architecture = architecture;
    changed.reassign();
    const auto changes = [&](auto&& change) {
      Case other = changed;
      change(other.cell.sae);
      other.reassign();
      return other.cell.id != changed.cell.id;
    };
    EXPECT_EQ(changes([](sae::SaeOptions& sae) { sae.penalty = 0.5; }), !takes_k(architecture));
    EXPECT_EQ(changes([](sae::SaeOptions& sae) {
                sae.matryoshka_fractions = {0.5, 1};
              }),
              architecture == sae::Architecture::kMatryoshka);
  }
}

TEST(Ids, SettingsOfTheEvaluationLeaveTheTrainIdAlone) {
  const std::vector<std::pair<std::string, Change>> changes = {
      {"tokens", [](Case& c) { c.options.evaluate.tokens = 60'000; }},
      {"ce_tokens", [](Case& c) { c.options.evaluate.ce_tokens = 4'000; }},
      {"held-out text", [](Case& c) { c.inputs.held_out_text_hash = "other"; }}};
  for (const auto& [name, change] : changes) {
    Case changed;
    const Cell before = changed.cell;
    change(changed);
    changed.reassign();
    EXPECT_EQ(changed.cell.id, before.id) << name;
    EXPECT_NE(changed.cell.evaluate_id, before.evaluate_id) << name;
    EXPECT_NE(changed.cell.score_id, before.score_id) << name;
  }
}

TEST(Ids, WhatChangesNoResultChangesNoId) {
  Case changed;
  const Cell before = changed.cell;
  changed.options.name = "other";
  changed.options.output = "/other";
  changed.options.source = "other.toml";
  changed.options.resolved = "other";
  changed.options.run = {.threads = 4, .cells_per_unit = 3};
  changed.options.text.train = {"/elsewhere"};
  changed.options.axes.sae_seeds = {0, 1, 2};
  changed.inputs.models.emplace("/moved/tiny", small_model());
  changed.cell.model_path = "/moved/tiny";
  changed.cell.model_name = "renamed";
  changed.reassign();
  EXPECT_EQ(changed.cell.id, before.id);
  EXPECT_EQ(changed.cell.evaluate_id, before.evaluate_id);
  EXPECT_EQ(changed.cell.score_id, before.score_id);
}

TEST(Ids, RerandomizeNormsMattersToRerandomizedVariantsOnly) {
  for (const auto variant : {model::Variant::kTrained, model::Variant::kStep0, model::Variant::kControl,
                             model::Variant::kRerandomizedIncl, model::Variant::kRerandomizedExcl}) {
    Case changed(variant);
    const std::string before = changed.cell.id;
    changed.options.model.rerandomize_norms = true;
    changed.reassign();
    const bool redrawn = variant == model::Variant::kRerandomizedIncl || variant == model::Variant::kRerandomizedExcl;
    EXPECT_EQ(changed.cell.id != before, redrawn) << model::name_of(variant);
  }
}

TEST(Ids, Step0FollowsItsOwnWeights) {
  const Case before(model::Variant::kStep0);
  EXPECT_EQ(before.cell.model_hash, "first weights");
}

// Python: hashlib.sha256(json.dumps(settings, sort_keys=True, separators=(",", ":")).encode()).hexdigest()[:32]
TEST(Ids, AreSha256OfCanonicalJson) {
  EXPECT_EQ(Case().cell.id, "bfcddde1330a2c97411581ce6bff9dff");
}

}  // namespace
}  // namespace saesweep::sweep
