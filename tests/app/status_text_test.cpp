#include "app/status_text.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "app/status_samples.h"
#include "base/errors.h"

namespace saesweep::app {
namespace {

using results::Stage;
using results::State;

constexpr const char* kHolder = "host n1, process 12, Slurm job 77, since 2026-01-31T12:00:00Z";

//! One cell of each kind: done, failed, at work, waiting for the judge, begun, to come.
SweepStatus mixed(const std::string& holder) {
  auto status =
      status_of({cell_of("a", State::kDone, Stage::kScored), cell_of("b", State::kFailed, Stage::kNone),
                 cell_of("c", State::kStarted, Stage::kNone), cell_of("d", State::kStarted, Stage::kHarvested),
                 cell_of("e", State::kStarted, Stage::kTrained), cell_of("f", State::kToCome, Stage::kNone)},
                {rank_at(0, {"c"})}, holder);
  status.cells[2].is_at_work = !holder.empty();
  return status;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(StatusText, CountsEveryCellOnce) {
  const auto text = status_text(mixed(kHolder));
  EXPECT_TRUE(
      text.starts_with("Sweep small: 1 of 6 cells done, 1 running, 1 with the judge, 1 begun and left, 1 failed, 1 to "
                       "come\nSo far 3 trained, 2 evaluated, 2 harvested, 1 scored\n"))
      << text;
  EXPECT_TRUE(has(text, std::string("Running: ") + kHolder + "; 1 of 2 ranks\n")) << text;
}

TEST(StatusText, WhatARunThatEndedLeftIsSaid) {
  auto status = mixed("");
  const auto text = status_text(status);
  EXPECT_TRUE(text.starts_with("Sweep small: 1 of 6 cells done, 3 begun and left, 1 failed, 1 to come\n")) << text;
  EXPECT_TRUE(has(text, "Not running; was killed: its log breaks off\n")) << text;
  EXPECT_FALSE(has(text, "Time left")) << text;
  status.jobs.front().ranks.front().has_ended = true;
  EXPECT_TRUE(has(status_text(status), "Not running\n"));
  status.jobs.front().ranks.front().is_stopping = true;
  EXPECT_TRUE(has(status_text(status), "Not running; was stopped\n"));
  status.jobs.front().ranks.front().end_reason = "stopped by SIGUSR1; the same command goes on";
  EXPECT_TRUE(has(status_text(status), "Not running; was stopped by SIGUSR1; the same command goes on\n"));
}

TEST(StatusText, ALostJudgeIsSaidWithItsReason) {
  auto status = mixed(kHolder);
  status.jobs.front().ranks.front().judge_lost = "http://n1:8000/v1: no usable reply";
  EXPECT_TRUE(has(status_text(status),
                  "1 of 2 ranks; no cell is judged any more, the rest goes on: http://n1:8000/v1: no usable reply\n"));
  status.jobs.front().ranks.push_back({.rank = 1, .judge = LoggedJudge{}});
  EXPECT_TRUE(has(status_text(status), "; cells of some ranks are not judged any more, the rest goes on: http://n1"));
  status = mixed("");
  auto& log = status.jobs.front().ranks.front();
  log.has_ended = true;
  log.end_reason = "http://n1:8000/v1: no usable reply";
  EXPECT_TRUE(has(status_text(status), "Not running; ended early: http://n1:8000/v1: no usable reply\n"));
}

TEST(StatusText, ARankWithoutAUnitIsNotCountedInRates) {
  auto idle = rank_at(1, {});
  idle.at_work.reset();
  auto status = mixed(kHolder);
  status.jobs.front().ranks.push_back(idle);
  auto waiting = idle;
  waiting.judge = LoggedJudge{3};
  status.jobs.front().ranks.push_back(waiting);
  const auto text = status_text(status);
  EXPECT_TRUE(has(text, "Rate: 100 training tokens/s, 100 a rank")) << text;
  EXPECT_TRUE(has(text, "1     has no work ")) << text;
  EXPECT_TRUE(has(text, "1     waits for the judge (3 cells) ")) << text;
}

TEST(StatusText, RanksAreToldWithWhatTheyAreAt) {
  const auto text = status_text(mixed(kHolder));
  EXPECT_TRUE(has(text, "1 cell, step 50 of 100")) << text;
  EXPECT_TRUE(has(text, "1 min 41 s")) << text;
  EXPECT_TRUE(has(text, "Rate: 100 training tokens/s, 100 a rank; 5 tokens/s evaluated or harvested")) << text;
}

TEST(StatusText, ManyRanksAreNotListed) {
  auto status = mixed(kHolder);
  status.jobs.front().ranks.assign(17, rank_at(0, {"c"}));
  EXPECT_FALSE(has(status_text(status), "step 50 of 100"));
}

TEST(StatusText, TheRateSoFarIsOfTrainedCells) {
  const auto text = status_text(mixed(""));
  EXPECT_TRUE(has(text, "Rate so far: 500 training tokens/s a rank\n")) << text;
  EXPECT_FALSE(has(status_text(status_of({cell_of("a", State::kToCome, Stage::kNone)}, {}, "")), "tokens/s"));
}

TEST(StatusText, AToySweepHasSamplesAndNoLogs) {
  SweepStatus status = status_of({cell_of("a", State::kDone, Stage::kEvaluated)}, {}, kHolder);
  status.kind = "toy";
  const auto text = status_text(status);
  EXPECT_TRUE(has(text, "Rate so far: 500 training samples/s a thread\n")) << text;
  EXPECT_FALSE(has(text, "no rank has said anything")) << text;
  EXPECT_FALSE(has(text, "Time left")) << text;
}

TEST(StatusText, FailuresAreGivenWithReasonsAndCutWhereMany) {
  const auto few = status_text(mixed(""));
  EXPECT_TRUE(has(few, "  tiny trained layers.3")) << few;
  EXPECT_TRUE(has(few, "1000 tokens: the loss is not finite")) << few;
  const std::vector<CellProgress> cells(25, cell_of("x", State::kFailed, Stage::kNone));
  EXPECT_TRUE(has(status_text(status_of(cells, {}, "")), "and 5 more cells"));
}

TEST(StatusText, JobsOfAnArrayTakeALineEach) {
  auto status = mixed(kHolder);
  status.jobs.front().shard = "0/3";
  JobStatus other;
  other.shard = "1/3";
  status.jobs.push_back(other);
  status.cells[5].job = std::nullopt;
  const auto text = status_text(status);
  EXPECT_TRUE(has(text, "1 of 2 jobs running")) << text;
  EXPECT_TRUE(has(text, "shard 0/3  5      1     1")) << text;
  EXPECT_TRUE(has(text, "shard 1/3  0 ")) << text;
  EXPECT_TRUE(has(text, "1 of those to come belong to jobs that have not begun")) << text;
}

TEST(StatusText, JudgeCheckpointsAndSilentRanksAreSaid) {
  auto status = mixed(kHolder);
  auto& log = status.jobs.front().ranks.front();
  log.judge = LoggedJudge{2, 10, 4, 6, 1, 3, false};
  log.checkpoint = LoggedCheckpoint{kNow - 120, 1, 7, 2e6, 0.5};
  log.last_time = kNow - 90;
  const auto text = status_text(status);
  EXPECT_TRUE(has(text, "Judge: 10 requests answered")) << text;
  EXPECT_TRUE(has(text, "4 of them from the cache; 6 sent, 1 failed; 3 in flight, 2 cells wait\n")) << text;
  EXPECT_TRUE(has(text, "Last checkpoint: 2 min 00 s ago, 1 cell at step 7 (2.0 MB, written in 0.50 s)\n")) << text;
  EXPECT_TRUE(has(text, "nothing for a minute:\n  rank 0: for 1 min 30 s, last: progress\n")) << text;
}

TEST(StatusText, SlowUnitsAreNamedByTheirCells) {
  auto status = mixed(kHolder);
  status.jobs.front().ranks.front().finished = {LoggedUnit{{"a"}, 1, 0, 40, 10}};
  const auto text = status_text(status);
  EXPECT_TRUE(has(text, "Slowest units beside their prediction:")) << text;
  EXPECT_TRUE(has(text, "40 s")) << text;
  EXPECT_TRUE(has(text, "rank 0  1 cell: tiny trained layers.3")) << text;
}

TEST(StatusText, BeforeThereAreResultsARunIsSaidToPrepare) {
  auto status = status_of({}, {}, kHolder);
  status.sweep_name = "";
  const auto text = status_text(status);
  EXPECT_TRUE(text.starts_with("No results yet")) << text;
  EXPECT_TRUE(has(text, "no rank has said anything yet")) << text;
  EXPECT_FALSE(has(text, "Time left")) << text;
  status.jobs.front().holder = "";
  EXPECT_TRUE(status_text(status).starts_with("No results yet: what has run here ended")) << status_text(status);
}

TEST(StatusJson, SaysTheSameWithNullForWhatIsUnknown) {
  const auto json = status_json(mixed(kHolder));
  EXPECT_EQ(json["sweep"], "small");
  EXPECT_EQ(json["cells"]["all"], 6);
  EXPECT_EQ(json["cells"]["at_work"], 1);
  EXPECT_EQ(json["stages"]["trained"], 3);
  EXPECT_EQ(json["jobs"][0]["holder"], kHolder);
  EXPECT_EQ(json["jobs"][0]["ranks"][0]["unit"]["step"], 50);
  EXPECT_EQ(json["per_second"]["trained_tokens"], 100);
  EXPECT_TRUE(json["judge"].is_null());
  EXPECT_EQ(json["seconds_left"]["judge"], 0);
  EXPECT_EQ(json["failed_cells"][0]["reason"], "the loss is not finite");
  EXPECT_TRUE(status_json(mixed(""))["seconds_left"].is_null());
}

TEST(ReadStatus, AFolderWithoutARunIsRefusedByName) {
  try {
    read_status("/nowhere/out");
    FAIL();
  } catch (const OutputError& error) {
    EXPECT_TRUE(has(error.what(), "/nowhere/out"));
  }
}

}  // namespace
}  // namespace saesweep::app
