#include "sweep/ids.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>
#include <tuple>

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

//! A case that is scored in all ways by an endpoint that gives logprobs.
Case scored_case() {
  Case c;
  c.options.autointerp.is_wanted = true;
  c.options.autointerp.scorers = {"fuzzing", "detection", "simulation"};
  c.options.judge.kind = "openai";
  c.options.judge.model = "org/judge";
  c.reassign();
  return c;
}

TEST(Ids, AreThirtyTwoHexDigitsAndDiffer) {
  const Case c = scored_case();
  const std::vector<std::string> ids = {c.cell.id, c.cell.evaluate_id, c.cell.score_id, c.cell.harvest_id};
  for (const auto& id : ids) {
    EXPECT_EQ(id.size(), 32u);
    EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos);
  }
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), ids.size());
}

TEST(Ids, WithoutScoresThereIsNoScoreId) {
  const Case c;
  EXPECT_EQ(c.cell.score_id, "");
  EXPECT_EQ(c.cell.harvest_id, "");
}

TEST(Ids, EverySettingOfTheTrainingChangesAllIds) {
  for (const auto& [name, change] : training_changes()) {
    Case changed = scored_case();
    const Cell before = changed.cell;
    change(changed);
    changed.reassign();
    EXPECT_NE(changed.cell.id, before.id) << name;
    EXPECT_NE(changed.cell.evaluate_id, before.evaluate_id) << name;
    EXPECT_NE(changed.cell.score_id, before.score_id) << name;
    EXPECT_NE(changed.cell.harvest_id, before.harvest_id) << name;
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
    Case changed = scored_case();
    const Cell before = changed.cell;
    change(changed);
    changed.reassign();
    EXPECT_EQ(changed.cell.id, before.id) << name;
    EXPECT_NE(changed.cell.evaluate_id, before.evaluate_id) << name;
    EXPECT_NE(changed.cell.score_id, before.score_id) << name;
  }
}

// Rows of the harvest come behind those of the evaluation.
TEST(Ids, TheHarvestFollowsTheTextThatItReads) {
  const std::vector<std::tuple<std::string, Change, bool>> changes = {
      {"tokens", [](Case& c) { c.options.evaluate.tokens = 60'000; }, true},
      {"held-out text", [](Case& c) { c.inputs.held_out_text_hash = "other"; }, true},
      {"ce_tokens", [](Case& c) { c.options.evaluate.ce_tokens = 4'000; }, false}};
  for (const auto& [name, change, follows] : changes) {
    Case changed = scored_case();
    const std::string before = changed.cell.harvest_id;
    change(changed);
    changed.reassign();
    EXPECT_EQ(changed.cell.harvest_id != before, follows) << name;
  }
}

using ScoringChange = std::function<void(autointerp::AutointerpOptions&, judge::JudgeOptions&)>;
using ScoringChanges = std::vector<std::pair<std::string, ScoringChange>>;

//! Which of the ids a change of the scoring changes.
void expect_changes(const ScoringChanges& changes, bool of_harvest, bool of_scores, const Case& start = scored_case()) {
  for (const auto& [name, change] : changes) {
    Case changed = start;
    change(changed.options.autointerp, changed.options.judge);
    changed.reassign();
    EXPECT_EQ(changed.cell.evaluate_id, start.cell.evaluate_id) << name;
    EXPECT_EQ(changed.cell.harvest_id != start.cell.harvest_id, of_harvest) << name;
    EXPECT_EQ(changed.cell.score_id != start.cell.score_id, of_scores) << name;
  }
}

TEST(Ids, WhatChoosesWindowsChangesTheHarvestAndTheScores) {
  expect_changes({{"latents", [](auto& a, auto&) { a.latents = 50; }},
                  {"tokens", [](auto& a, auto&) { a.harvest_tokens = 1'000'000; }},
                  {"window_tokens", [](auto& a, auto&) { a.window_tokens = 16; }},
                  {"window", [](auto& a, auto&) { a.window = "centered"; }},
                  {"min_windows", [](auto& a, auto&) { a.min_windows = 100; }},
                  {"special_tokens", [](auto& a, auto&) { a.special_tokens = true; }},
                  {"explainer_examples", [](auto& a, auto&) { a.explainer_examples = 10; }},
                  {"explainer_selection", [](auto& a, auto&) { a.explainer_selection = "top"; }},
                  {"scorer_examples", [](auto& a, auto&) { a.scorer_examples = 20; }},
                  {"scorer_selection", [](auto& a, auto&) { a.scorer_selection = "random"; }},
                  {"silent_examples", [](auto& a, auto&) { a.silent_examples = 20; }},
                  {"negatives", [](auto& a, auto&) { a.negatives = "decoder"; }},
                  {"entropy_examples", [](auto& a, auto&) { a.entropy_examples = 20; }}},
                 true, true);
}

TEST(Ids, WhatIsAskedAndWhoIsAskedChangesTheScoresAlone) {
  expect_changes({{"null_latents", [](auto& a, auto&) { a.null_latents = 5; }},
                  {"scorers",
                   [](auto& a, auto&) {
                     a.scorers = {"fuzzing", "detection"};
                   }},
                  {"fuzz_negatives", [](auto& a, auto&) { a.fuzz_negatives = "silent_tokens"; }},
                  {"simulation_examples", [](auto& a, auto&) { a.simulation_examples = 5; }},
                  {"examples_per_prompt", [](auto& a, auto&) { a.examples_per_prompt = 1; }},
                  {"mark_threshold", [](auto& a, auto&) { a.mark_threshold = 0.5; }},
                  {"stored_examples", [](auto& a, auto&) { a.stored_examples = 5; }},
                  {"explanation prompt", [](auto& a, auto&) { a.prompts.explanation.answer_after = "So:"; }},
                  {"fuzzing prompt", [](auto& a, auto&) { a.prompts.fuzzing.user = "other"; }},
                  {"fuzzing system", [](auto& a, auto&) { a.prompts.fuzzing.system = "other"; }},
                  {"fuzzing shots",
                   [](auto& a, auto&) {
                     a.prompts.fuzzing.shots = {{"user", "q"}};
                   }},
                  {"detection example", [](auto& a, auto&) { a.prompts.detection.example = "other"; }},
                  {"simulation length", [](auto& a, auto&) { a.prompts.simulation.max_tokens = 99; }},
                  {"kind", [](auto&, auto& j) { j.kind = "lexical"; }},
                  {"model", [](auto&, auto& j) { j.model = "other"; }},
                  {"temperature", [](auto&, auto& j) { j.temperature = 1; }},
                  {"seed", [](auto&, auto& j) { j.seed = 1; }},
                  {"logprobs", [](auto&, auto& j) { j.logprobs = false; }},
                  {"top_logprobs", [](auto&, auto& j) { j.top_logprobs = 20; }},
                  {"prompt_logprobs", [](auto&, auto& j) { j.prompt_logprobs = "echo"; }},
                  {"extra_body", [](auto&, auto& j) { j.extra_body = R"({"top_p":0.5})"; }}},
                 false, true);
}

TEST(Ids, WhereAndHowFastTheJudgeIsChangesNoId) {
  expect_changes({{"harvest_memory_gb", [](auto& a, auto&) { a.harvest_memory_gb = 1; }},
                  {"order of scorers", [](auto& a, auto&) { std::ranges::reverse(a.scorers); }},
                  {"name of a prompt", [](auto& a, auto&) { a.prompts.fuzzing.name = "/copy/fuzzing.toml"; }},
                  {"place of a prompt", [](auto& a, auto&) { a.prompts.fuzzing.path = "/copy/fuzzing.toml"; }},
                  {"comments of a prompt", [](auto& a, auto&) { a.prompts.fuzzing.source_text = "# other"; }},
                  {"prompt that is not used", [](auto& a, auto&) { a.prompts.simulation_prompt.user = "other"; }},
                  {"base_url", [](auto&, auto& j) { j.base_urls = {"http://other/v1"}; }},
                  {"endpoint_file", [](auto&, auto& j) { j.endpoint_file = "/other"; }},
                  {"api_key_env", [](auto&, auto& j) { j.api_key_env = "OTHER"; }},
                  {"max_in_flight", [](auto&, auto& j) { j.max_in_flight = 1; }},
                  {"timeout", [](auto&, auto& j) { j.timeout = 1; }},
                  {"give_up_after", [](auto&, auto& j) { j.give_up_after = 1; }},
                  {"budget", [](auto&, auto& j) { j.budget_requests = 1; }},
                  {"cache_dir", [](auto&, auto& j) { j.cache_dir = "/other"; }},
                  {"layout of extra_body", [](auto&, auto& j) { j.extra_body = "{ }"; }}},
                 false, false);
}

TEST(Ids, TheLexicalJudgeHasNoSettingsOfAnEndpoint) {
  Case lexical = scored_case();
  lexical.options.judge.kind = "lexical";
  lexical.reassign();
  expect_changes({{"model", [](auto&, auto& j) { j.model = "other"; }},
                  {"temperature", [](auto&, auto& j) { j.temperature = 1; }},
                  {"seed", [](auto&, auto& j) { j.seed = 1; }},
                  {"top_logprobs", [](auto&, auto& j) { j.top_logprobs = 20; }},
                  {"extra_body", [](auto&, auto& j) { j.extra_body = R"({"top_p":0.5})"; }}},
                 false, false, lexical);
  expect_changes({{"logprobs", [](auto&, auto& j) { j.logprobs = false; }},
                  {"prompt_logprobs", [](auto&, auto& j) { j.prompt_logprobs = "echo"; }}},
                 false, true, lexical);
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
