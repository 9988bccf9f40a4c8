#include "app/plan_text.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "app/requests_text.h"
#include "app/table.h"
#include "base/errors.h"
#include "base/progress.h"
#include "sweep/small_sweep.h"

namespace saesweep::app {
namespace {

using sweep::small_inputs;
using sweep::small_sweep;

constexpr uint64_t kAnyMemory = std::numeric_limits<uint64_t>::max();

Plan small_plan(int n_ranks, sweep::SweepOptions options = small_sweep()) {
  Plan plan;
  plan.options = std::move(options);
  plan.options.name = "small";
  plan.cells = sweep::expand(plan.options, small_inputs());
  plan.n_ranks = n_ranks;
  plan.output_bytes = 1'500'000;
  const sweep::CostModel cost(plan.options, small_inputs());
  plan.units = make_units(plan.cells, plan.options.run, cost);
  std::vector<sweep::UnitCost> costs;
  for (const auto& unit : plan.units) costs.push_back(unit_cost(unit, plan.cells, cost));
  plan.schedule = sweep::simulate(std::move(costs), std::vector<double>(static_cast<size_t>(n_ranks), 1));
  plan.checkpoints = plan_checkpoints(plan.options, plan.cells, plan.units, cost, std::nullopt);
  return plan;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

auto n_lines(const std::string& text) {
  return std::ranges::count(text, '\n');
}

TEST(PlanText, SixtyCellsTakeALineAGroupAndARank) {
  const auto text = plan_text(small_plan(2));
  EXPECT_NE(text.find("Sweep small: 60 cells in 5 groups"), std::string::npos) << text;
  EXPECT_NE(text.find("layers.0-5"), std::string::npos) << text;
  EXPECT_NE(text.find("rank 1: "), std::string::npos) << text;
  EXPECT_NE(text.find("Output: 1.5 MB"), std::string::npos) << text;
  EXPECT_LT(n_lines(text), 25);
}

TEST(PlanText, ManyRanksAreToldByTheirExtremes) {
  const auto text = plan_text(small_plan(100));
  EXPECT_TRUE(has(text, "the first rank is done after ")) << text;
  EXPECT_TRUE(has(text, "have no work")) << text;
  EXPECT_LT(n_lines(text), 25);
}

TEST(PlanText, AllCellsAreInTheSchedule) {
  const auto plan = small_plan(2);
  size_t n = 0;
  for (const auto& rank : plan.schedule.ranks) {
    for (const auto& work : rank.work) n += work.last - work.first;
  }
  EXPECT_EQ(n, 60U);
}

TEST(PlanText, PartsOfUnitsAreSaid) {
  auto plan = small_plan(2);
  EXPECT_EQ(has(plan_text(plan), "cut so that all ranks end together"), plan.schedule.n_parts > 0);
  plan.schedule.n_parts = 4;
  EXPECT_TRUE(has(plan_text(plan), "longest unit first (4 of them parts")) << plan_text(plan);
}

TEST(PlanText, ManyGroupsAreCut) {
  auto options = small_sweep();
  options.axes.init_seeds.clear();
  for (int64_t seed = 0; seed < 30; ++seed) options.axes.init_seeds.push_back(seed);
  const auto plan = small_plan(1, options);
  const auto n_groups = sweep::make_groups(plan.cells).size();
  EXPECT_GT(n_groups, 80U);
  const auto text = plan_text(plan);
  EXPECT_TRUE(has(text, "and " + std::to_string(n_groups - 40) + " more groups")) << text;
  EXPECT_LT(n_lines(text), 65);
}

TEST(PlanText, SaysWhatItsTimesRestOn) {
  auto plan = small_plan(1);
  plan.schedule.makespan = 100;
  EXPECT_TRUE(has(plan_text(plan), "Time: about 1 min 40 s (rough")) << plan_text(plan);
  plan.n_cells_known = 12;
  EXPECT_TRUE(has(plan_text(plan), "Time: about 1 min 40 s (by what 12 finished cells of this output took)"))
      << plan_text(plan);
}

TEST(PlanShards, HaveAllCellsAndTheSameTimeAboutAll) {
  const auto options = small_sweep();
  const auto cells = sweep::expand(options, small_inputs());
  const sweep::CostModel cost(options, small_inputs());
  const auto shards = plan_shards(cells, options.run, cost, kAnyMemory, 3);
  ASSERT_EQ(shards.size(), 3U);
  size_t n = 0;
  for (const auto& shard : shards) n += shard.n_cells;
  EXPECT_EQ(n, 60U);
  const auto text = shards_text(shards);
  EXPECT_TRUE(has(text, "Divided into 3 shards")) << text;
  EXPECT_TRUE(has(text, "2/3 ")) << text;
  EXPECT_EQ(n_lines(text), 6) << text;
  EXPECT_EQ(shards_text({}), "");
}

TEST(PlanShards, OneShardTakesWhatTheWholeTakes) {
  const auto plan = small_plan(1);
  const sweep::CostModel cost(plan.options, small_inputs());
  double seconds = 0;
  for (const auto& unit : plan.units) seconds += unit.cost_seconds;
  EXPECT_NEAR(plan_shards(plan.cells, plan.options.run, cost, kAnyMemory, 1).front().seconds, seconds, 1e-9 * seconds);
}

TEST(PlanShards, CellsThatDoNotFitTogetherPayTheirForwardPassesEach) {
  const auto plan = small_plan(1);
  const sweep::CostModel cost(plan.options, small_inputs());
  uint64_t largest = 0;
  double seconds = 0;
  for (const auto& cell : plan.cells) {
    const auto* alone = &cell;
    largest = std::max(largest, cost.memory_bytes({&alone, 1}));
    seconds += cost.stages({&alone, 1}).total();
  }
  const auto shards = plan_shards(plan.cells, plan.options.run, cost, largest, 1);
  EXPECT_NEAR(shards.front().seconds, seconds, 1e-9 * seconds);
}

TEST(PlanShards, ManyAreToldByTheirExtremes) {
  std::vector<ShardPlan> shards(100, ShardPlan{2, 1, 10});
  shards[7].seconds = 30;
  shards[9].seconds = 1;
  const auto text = shards_text(shards);
  EXPECT_TRUE(has(text, "7/100")) << text;
  EXPECT_TRUE(has(text, "9/100")) << text;
  EXPECT_LT(n_lines(text), 7) << text;
}

Plan device_plan_of(const std::string& name, uint64_t memory_bytes) {
  Plan plan = small_plan(1);
  const auto& device = sweep::named_device(name);
  const sweep::CostModel cost(plan.options, small_inputs(), sweep::speeds_of(device, plan.options));
  plan.units = make_units(plan.cells, plan.options.run, cost, memory_bytes);
  plan.device = plan_device(device, plan.cells, plan.units, cost, memory_bytes);
  return plan;
}

TEST(PlanDevice, HoursByStageAddUpToThoseOfItsUnits) {
  const Plan plan = device_plan_of("a100-80g", kAnyMemory);
  double seconds = 0;
  for (const auto& unit : plan.units) seconds += unit.cost_seconds;
  EXPECT_NEAR(plan.device->seconds(), seconds, 1e-9 * seconds);
  EXPECT_GT(plan.device->forward_seconds, 0);
  EXPECT_GT(plan.device->train_seconds, 0);
  EXPECT_EQ(plan.device->n_too_large, 0U);
}

TEST(PlanDevice, SaysWhatIsStatedAndWhatIsAssumed) {
  Plan plan = device_plan_of("a100-80g", kAnyMemory);
  plan.device->notes = {"the text was not found"};
  const auto text = plan_text(plan);
  EXPECT_TRUE(has(text, "Planned for a100-80g (NVIDIA A100 SXM4 80 GB)")) << text;
  EXPECT_TRUE(has(text, "bfloat16 312 TFLOP/s, TF32 156 TFLOP/s, float32 19.5 TFLOP/s, 2.039 TB/s")) << text;
  EXPECT_TRUE(has(text, "assumed, not measured: 50 %")) << text;
  EXPECT_TRUE(has(text, "forward passes  SAE training  evaluation  harvest  device hours")) << text;
  EXPECT_TRUE(has(text, "Note: the text was not found")) << text;
  EXPECT_TRUE(has(text, "at what is assumed of a100-80g")) << text;
  EXPECT_FALSE(has(text, "do not fit")) << text;
}

TEST(PlanDevice, CellsThatDoNotFitAreCounted) {
  const auto text = plan_text(device_plan_of("v100-32g", 1'000'000));
  const size_t first = text.find('\n') + 1;
  EXPECT_EQ(text.find("DOES NOT FIT: 60 of 60 cells do not fit on v100-32g"), first) << text;
  EXPECT_TRUE(has(text, "a unit may take 1.0 MB")) << text;
  EXPECT_TRUE(has(text, "sae.optimizer_state")) << text;
}

TEST(PlanDevice, CellsHaveNoIdsWhereContentsAreNotKnown) {
  const Plan plan = device_plan_of("h200", kAnyMemory);
  EXPECT_FALSE(has(cells_text(plan), plan.cells.front().id));
  EXPECT_TRUE(has(cells_text(small_plan(1)), plan.cells.front().id));
}

// Pythia 6.9b at R = 64: 2 * 4096 * 262144 weights and biases, each with two float32 moments: 12 bytes a parameter,
// and 8 a latent for its counters.
TEST(PlanCheckpoints, TheLargestUnitIsSaidWithItsTime) {
  CheckpointPlan plan;
  plan.unit_bytes = 25'800'000'000;
  plan.all_bytes = 51'600'000'000;
  plan.train_seconds = 86'400;
  auto text = checkpoints_text(plan);
  EXPECT_TRUE(has(text,
                  "Checkpoints: up to 26 GB a unit, 52 GB for all cells at once; a unit's takes 2 min 09 s at 200 "
                  "MB/s a rank (assumed;"))
      << text;
  EXPECT_TRUE(has(text, "It does not fit into run.grace (30 s)")) << text;
  // 19 times 129 s, and the writing of the next.
  EXPECT_TRUE(has(text, "Saved every 43 min 00 s")) << text;
  plan.bytes_per_second = 2e9;
  plan.is_speed_assumed = false;
  text = checkpoints_text(plan);
  EXPECT_TRUE(has(text, "13 s at 2000 MB/s a rank\n")) << text;
  EXPECT_TRUE(has(text, "It fits into run.grace")) << text;
}

TEST(PlanCheckpoints, AutoIsWhatARunDoes) {
  CheckpointPlan plan;
  for (const uint64_t bytes : {uint64_t{1'000'000}, uint64_t{1'000'000'000}, uint64_t{25'800'000'000}}) {
    plan.unit_bytes = bytes;
    train::CheckpointPace pace({});
    pace.begin(bytes, 0);
    pace.wrote(bytes, plan.write_seconds(), 0);
    const double due = plan.interval_seconds() - plan.write_seconds();
    EXPECT_FALSE(pace.is_due(1, due - 0.01));
    EXPECT_TRUE(pace.is_due(1, due + 0.01));
  }
}

TEST(PlanCheckpoints, WhatAKillLosesIsBoundedByTheTrainingOfAUnit) {
  CheckpointPlan plan;
  plan.unit_bytes = 1'000;
  plan.train_seconds = 12;
  EXPECT_DOUBLE_EQ(plan.lost_seconds(), 12);
  EXPECT_TRUE(has(checkpoints_text(plan), "longer than any unit trains")) << checkpoints_text(plan);
  plan.train_seconds = 1e6;
  EXPECT_NEAR(plan.lost_seconds(), 60, 0.01);
  plan.every = {train::CheckpointEvery::Kind::kSeconds, 600};
  EXPECT_NEAR(plan.lost_seconds(), 600, 0.01);
  plan.every = {train::CheckpointEvery::Kind::kNever, 0};
  EXPECT_DOUBLE_EQ(plan.lost_seconds(), 1e6);
  EXPECT_TRUE(has(checkpoints_text(plan), "Never saved while it trains")) << checkpoints_text(plan);
}

// 60 cells of 204,800 tokens; 2 * 128 * 2048 weights and 2048 + 128 biases in 12 bytes, 8 more a latent.
TEST(PlanCheckpoints, SizesAndTokensFollowTheSweep) {
  auto options = small_sweep();
  options.run.checkpoint_every = "102_400";
  const auto plan = small_plan(1, options).checkpoints;
  const uint64_t cell = 12 * (2 * 128 * 2048 + 2048 + 128) + 8 * 2048;
  EXPECT_EQ(plan.all_bytes, 60 * cell);
  EXPECT_EQ(plan.unit_bytes, 12 * cell);
  EXPECT_DOUBLE_EQ(plan.tokens_seconds, plan.train_seconds / 2);
  options.run.checkpoint_every = "now and then";
  EXPECT_THROW(small_plan(1, options), ConfigError);
}

TEST(PlanCheckpoints, NothingIsSaidWhereNothingIsTrained) {
  EXPECT_EQ(checkpoints_text({}), "");
}

TEST(PlanText, CellsAreListedWithTheirIds) {
  const auto plan = small_plan(2);
  const auto text = cells_text(plan);
  EXPECT_EQ(n_lines(text), 61);
  for (const auto& cell : plan.cells) EXPECT_NE(text.find(cell.id), std::string::npos);
}

std::string hookpoints_of(std::vector<model::Hookpoint> hookpoints) {
  std::vector<sweep::Cell> cells(hookpoints.size());
  std::vector<const sweep::Cell*> pointers;
  for (size_t i = 0; i < cells.size(); ++i) {
    cells[i].hookpoint = hookpoints[i];
    pointers.push_back(&cells[i]);
  }
  return hookpoints_text(pointers);
}

TEST(PlanText, HookpointsAreShortened) {
  using Kind = model::Hookpoint::Kind;
  EXPECT_EQ(hookpoints_of({{Kind::kResidual, 5}, {Kind::kResidual, 0}, {Kind::kResidual, 1}, {Kind::kResidual, 1}}),
            "layers.0-1,5");
  EXPECT_EQ(hookpoints_of({{Kind::kMlp, 3}, {Kind::kEmbedding, -1}}), "embed_in layers.3.mlp");
}

TEST(Table, PutsColumnsUnderEachOther) {
  TextTable table({"a", "long head"});
  table.add({"longer", "b"});
  EXPECT_EQ(table.text(), "a       long head\nlonger  b\n");
}

TEST(Table, BytesHaveTwoOrThreeDigits) {
  EXPECT_EQ(bytes_text(0), "0 B");
  EXPECT_EQ(bytes_text(999), "999 B");
  EXPECT_EQ(bytes_text(1'000), "1.0 kB");
  EXPECT_EQ(bytes_text(41'234'567), "41 MB");
  EXPECT_EQ(bytes_text(999'900'000), "1.0 GB");
}

// An SAE of Pythia 6.9b at R = 64 has 2.15e9 parameters; with Adam's two float32 moments 25.8 GB, with bfloat16
// ones 17.2.
TEST(PlanText, TheSmallestDeviceOfACellIsSaid) {
  EXPECT_EQ(device_text(25'800'000'000), "a device of 32 GB");
  EXPECT_EQ(device_text(40'000'000'000), "a device of 48 GB");
  EXPECT_EQ(device_text(7'000'000'000), "a device of 8 GB");
  EXPECT_EQ(device_text(300'000'000'000), "no device of up to 288 GB");
  auto plan = small_plan(1);
  plan.cell_bytes = 25'800'000'000;
  EXPECT_NE(plan_text(plan).find("the largest cell alone needs 26 GB (a device of 32 GB)"), std::string::npos)
      << plan_text(plan);
}

TEST(PlanText, TheBufferIsSaidWhereThereIsOne) {
  auto plan = small_plan(1);
  EXPECT_FALSE(has(plan_text(plan), "Activation buffer"));
  plan.options.train.buffer_tokens = 10'000'000;
  plan.units.front().buffer_bytes = 61'440'000'000;
  EXPECT_NE(
      plan_text(plan).find("Activation buffer: up to 61 GB of it (10000000 tokens x width x 2 bytes x hookpoints)"),
      std::string::npos)
      << plan_text(plan);
}

//! 60 cells of which 20 latents are scored as in the quickstart.
Plan scored_plan() {
  auto plan = small_plan(2);
  auto& scoring = plan.options.autointerp;
  scoring.is_wanted = true;
  scoring.latents = 20;
  scoring.null_latents = 10;
  scoring.explainer_examples = 10;
  scoring.scorer_examples = 20;
  return plan;
}

// A latent: 1 explanation, 40 examples of each scorer in 8 prompts of 5; 60 cells of 20 latents and 10 nulls.
TEST(PlanText, RequestsToTheJudgeAreCountedOverAllCells) {
  const auto text = plan_text(scored_plan());
  EXPECT_NE(text.find("Requests to the judge (lexical) where 20 latents of every cell qualify"), std::string::npos);
  EXPECT_NE(text.find("explanation  1200 "), std::string::npos) << text;
  EXPECT_NE(text.find("fuzzing      9600 "), std::string::npos) << text;
  EXPECT_NE(text.find("detection    9600 "), std::string::npos) << text;
  EXPECT_NE(text.find("null         9600 "), std::string::npos) << text;
  EXPECT_NE(text.find("all          30000 "), std::string::npos) << text;
  EXPECT_EQ(text.find("simulation"), std::string::npos) << text;
  EXPECT_EQ(text.find("budget"), std::string::npos) << text;
}

TEST(PlanText, NothingIsAskedWhereNothingIsScored) {
  EXPECT_EQ(plan_text(small_plan(2)).find("judge"), std::string::npos);
}

TEST(PlanText, ABudgetBelowTheCountsIsSaid) {
  auto plan = scored_plan();
  plan.options.judge.budget_requests = 30'000;
  plan.options.judge.budget_tokens = 1'000;
  auto text = plan_text(plan);
  EXPECT_EQ(text.find("budget_requests"), std::string::npos) << text;
  EXPECT_NE(text.find("judge.budget_tokens 1000 will not suffice"), std::string::npos) << text;
  plan.options.judge.budget_requests = 29'999;
  text = plan_text(plan);
  EXPECT_NE(text.find("judge.budget_requests 29999 will not suffice"), std::string::npos) << text;
}

TEST(PlanText, CountsAreShort) {
  EXPECT_EQ(count_text(0), "0");
  EXPECT_EQ(count_text(999), "999");
  EXPECT_EQ(count_text(1'500), "1.5 k");
  EXPECT_EQ(count_text(999'600), "1.0 M");
  EXPECT_EQ(count_text(123'456'789), "123 M");
  EXPECT_EQ(count_text(5e12), "5 T");
}

}  // namespace
}  // namespace saesweep::app
