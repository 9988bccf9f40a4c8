#include "app/plan_text.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "app/requests_text.h"
#include "app/table.h"
#include "base/progress.h"
#include "sweep/small_sweep.h"

namespace saesweep::app {
namespace {

using sweep::small_inputs;
using sweep::small_sweep;

Plan small_plan(int n_ranks) {
  Plan plan{.options = small_sweep(),
            .cells = sweep::expand(small_sweep(), small_inputs()),
            .units = {},
            .n_ranks = n_ranks,
            .output_bytes = 1'500'000};
  plan.options.name = "small";
  plan.units = make_units(plan.cells, plan.options.run, sweep::CostModel(small_sweep(), small_inputs()));
  return plan;
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
  EXPECT_LT(n_lines(text), 20);
}

TEST(PlanText, ManyRanksAreToldByTheirExtremes) {
  const auto text = plan_text(small_plan(100));
  EXPECT_NE(text.find("40 have no work"), std::string::npos) << text;
  EXPECT_LT(n_lines(text), 20);
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
  EXPECT_EQ(plan_text(plan).find("buffer"), std::string::npos);
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
