#include "app/run_logs.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/json.h"

namespace saesweep::app {
namespace {

//! A line as base/event_log.h writes it: `seconds` after the start of a run at noon.
std::string line(const std::string& run, const std::string& event, double seconds, const Json& fields = Json::object(),
                 int rank = 0) {
  const int minute = static_cast<int>(seconds) / 60;
  const std::string time = fmt::format("2026-01-31T12:{:02}:{:06.3f}Z", minute, seconds - 60 * minute);
  Json json = {{"time", time}, {"clock", seconds}, {"event", event}, {"run", run}, {"rank", rank}};
  json.update(fields);
  return json.dump() + "\n";
}

std::string start(const std::string& run, int n_ranks) {
  return line(run, "start", 0, {{"ranks", n_ranks}, {"machine", "n1, a processor"}, {"job", "77"}, {"device", "cpu"}});
}

std::string unit(const std::string& run, double seconds) {
  return line(run, "unit", seconds, {{"cells", {"a", "b"}}, {"predicted_seconds", 20}});
}

std::string progress(const std::string& run, double seconds, int step, double tokens) {
  return line(
      run, "progress", seconds,
      {{"cells", {"a", "b"}}, {"step", step}, {"steps", 100}, {"trained_tokens", tokens}, {"evaluated_tokens", 0}});
}

TEST(RunLogs, SaysWhatARankIsAt) {
  const auto log = parse_log(start("r", 4) + unit("r", 2) + progress("r", 12, 30, 3000));
  EXPECT_EQ(log.run, "r");
  EXPECT_EQ(log.n_ranks, 4);
  EXPECT_EQ(log.machine, "n1, a processor");
  EXPECT_EQ(log.slurm_job, "77");
  ASSERT_TRUE(log.at_work);
  EXPECT_EQ(log.at_work->cells, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(log.at_work->predicted_seconds, 20);
  EXPECT_EQ(log.at_work->seconds, 10);
  EXPECT_EQ(log.step, 30);
  EXPECT_EQ(log.n_steps, 100);
  EXPECT_EQ(log.last_event, "progress");
  // From the unit's start, when nothing was done yet.
  ASSERT_EQ(log.work.size(), 2U);
  EXPECT_EQ(log.work.front().seconds, 2);
  EXPECT_EQ(log.work.front().trained_tokens, 0);
  EXPECT_FALSE(log.is_idle());
}

TEST(RunLogs, TheSecondsOfAFinishedUnitAreItsOwn) {
  const auto log =
      parse_log(start("r", 1) + unit("r", 2) +
                line("r", "unit_end", 30,
                     {{"seconds", 28}, {"cells", {"a", "b"}}, {"predicted_seconds", 20}, {"stopped", false}}));
  ASSERT_EQ(log.finished.size(), 1U);
  EXPECT_EQ(log.finished.front().seconds, 28);
  EXPECT_EQ(log.finished.front().predicted_seconds, 20);
  EXPECT_FALSE(log.finished.front().is_stopped);
  EXPECT_FALSE(log.at_work);
  EXPECT_TRUE(log.is_idle());
  EXPECT_EQ(log.last_seconds, 30);
}

TEST(RunLogs, TheLatestRunAloneCounts) {
  const auto log = parse_log(start("old", 8) + unit("old", 1) + progress("old", 500, 99, 9e6) + start("new", 2));
  EXPECT_EQ(log.run, "new");
  EXPECT_EQ(log.n_ranks, 2);
  EXPECT_TRUE(log.work.empty());
  EXPECT_FALSE(log.at_work);
}

TEST(RunLogs, AStartThatLiesBeforeWhatWasReadLeavesTheRestKnown) {
  const auto log = parse_log(progress("r", 100, 30, 3000) + progress("r", 110, 40, 4000));
  EXPECT_FALSE(log.n_ranks);
  ASSERT_TRUE(log.at_work);
  EXPECT_EQ(log.at_work->n_cells, 2U);
  EXPECT_TRUE(std::isnan(log.at_work->seconds));
  EXPECT_EQ(log.work.size(), 2U);
}

TEST(RunLogs, TornLinesAndThoseOfOtherVersionsArePassedOver) {
  const std::string whole = progress("r", 12, 30, 3000);
  const auto log = parse_log(start("r", 1) + whole.substr(0, 40) + "\n[1, 2]\nnull\n{\"event\": 3, \"run\": \"r\"}\n" +
                             line("r", "news", 3, {{"cells", "?"}, {"clock", "?"}}) +
                             line("r", "unit", 4, {{"cells", 3}, {"predicted_seconds", nullptr}}) +
                             line("r", "progress", 5, {{"cells", Json::array()}, {"judge", 7}, {"step", "x"}}) +
                             whole.substr(0, 30));
  EXPECT_EQ(log.run, "r");
  ASSERT_TRUE(log.at_work);
  EXPECT_EQ(log.at_work->n_cells, 3U) << "cells that are counted only";
  EXPECT_TRUE(std::isnan(log.at_work->predicted_seconds));
  EXPECT_FALSE(log.judge);
  EXPECT_EQ(log.last_seconds, 5);
  EXPECT_TRUE(parse_log("").run.empty());
  EXPECT_TRUE(parse_log("\n\n{").run.empty());
}

TEST(RunLogs, TellsTheJudgeCheckpointsAndHowItEnded) {
  const Json judge = {{"open_cells", 2}, {"answered", 10}, {"cached", 4},      {"sent", 6},
                      {"failed", 1},     {"in_flight", 3}, {"is_paused", true}};
  const auto log =
      parse_log(start("r", 1) + line("r", "progress", 9, {{"cells", Json::array()}, {"judge", judge}}) +
                line("r", "checkpoint", 10, {{"seconds", 0.5}, {"bytes", 1e6}, {"cells", 2}, {"step", 7}}) +
                line("r", "stage", 12, {{"cell", "a"}, {"stage", "scored"}, {"seconds", 3}}) +
                line("r", "stop", 13, {{"reason", "SIGUSR1"}}) + line("r", "end", 14));
  ASSERT_TRUE(log.judge);
  EXPECT_EQ(log.judge->open_cells, 1) << "one was scored since";
  EXPECT_EQ(log.judge->cached, 4);
  EXPECT_TRUE(log.judge->is_paused);
  ASSERT_TRUE(log.checkpoint);
  EXPECT_EQ(log.checkpoint->bytes, 1e6);
  EXPECT_EQ(log.checkpoint->seconds, 0.5);
  EXPECT_EQ(log.checkpoint->step, 7);
  ASSERT_EQ(log.scored.size(), 1U);
  EXPECT_TRUE(log.is_stopping);
  EXPECT_TRUE(log.has_ended);
  EXPECT_EQ(parse_log(line("r", "error", 1, {{"reason", "no memory"}})).error, "no memory");
}

// Versions before wrote the ended unit's cells in the progress after it.
TEST(RunLogs, AUnitThatHasEndedIsAtWorkNoMore) {
  const auto end = line("r", "unit_end", 30, {{"seconds", 28}, {"cells", {"a", "b"}}, {"predicted_seconds", 20}});
  const auto none = line("r", "progress", 40, {{"cells", 0}, {"step", 100}, {"steps", 100}});
  for (const std::string& begun : {start("r", 1) + unit("r", 2), progress("r", 20, 90, 9000)}) {
    const auto log = parse_log(fmt::format("{}{}{}{}", begun, end, progress("r", 31, 100, 10'000), none));
    EXPECT_FALSE(log.at_work);
    EXPECT_TRUE(log.is_idle());
  }
}

TEST(RunLogs, TellsThatAUnitIsEvaluatedWhereNothingIsTrained) {
  const auto at = [](double seconds, double tokens) {
    return line("r", "progress", seconds, {{"cells", 2}, {"steps", 0}, {"evaluated_tokens", tokens}});
  };
  const auto begun = start("r", 1) + unit("r", 2);
  EXPECT_FALSE(parse_log(begun + at(12, 0)).is_evaluating);
  EXPECT_TRUE(parse_log(begun + at(12, 500)).is_evaluating);
  EXPECT_FALSE(parse_log(begun + at(12, 500) + unit("r", 20)).is_evaluating);
}

TEST(RunLogs, TellsWhyARunEndedEarly) {
  const auto log = parse_log(start("r", 1) + line("r", "judge_lost", 3, {{"reason", "no reply"}}) +
                             line("r", "end", 9, {{"done", 1}, {"stopped", "no usable reply"}}));
  EXPECT_EQ(log.judge_lost, "no reply");
  EXPECT_EQ(log.end_reason, "no usable reply");
  EXPECT_TRUE(parse_log(start("r", 1) + line("r", "end", 9, {{"stopped", ""}})).end_reason.empty());
}

TEST(RunLogs, TellsWhatTheRunHasLeft) {
  const auto log = parse_log(start("r", 1) + unit("r", 2) + progress("r", 12, 30, 3000) +
                             line("r", "time_left", 15, {{"seconds", 40}}));
  EXPECT_EQ(log.seconds_left, 40);
  EXPECT_EQ(log.seconds_left_time, log.last_time + 3);
  EXPECT_EQ(log.last_event, "progress") << "it says nothing of what this rank does";
}

TEST(RunLogs, AWaitForTheJudgeIsNoIdleness) {
  const auto done = line("r", "unit_end", 5, {{"cells", {"a"}}, {"predicted_seconds", 1}});
  const auto waiting = line("r", "progress", 6, {{"cells", Json::array()}, {"judge", {{"open_cells", 1}}}});
  EXPECT_TRUE(parse_log(start("r", 1) + unit("r", 1) + done).is_idle());
  EXPECT_FALSE(parse_log(start("r", 1) + unit("r", 1) + done + waiting).is_idle());
  EXPECT_FALSE(parse_log(start("r", 1)).is_idle()) << "it prepares";
  const auto lost = line("r", "judge_lost", 7, {{"reason", "no reply"}});
  EXPECT_TRUE(parse_log(start("r", 1) + unit("r", 1) + done + waiting + lost).is_idle()) << "no reply comes any more";
}

class LogFolder : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("run_logs_test_" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  void write(const std::string& name, const std::string& text) const { std::ofstream(folder_ / name) << text; }

  std::filesystem::path folder_;
};

TEST_F(LogFolder, RanksOfOlderRunsAreLeftOut) {
  write("rank-0.jsonl", start("old", 3) + start("new", 2));
  write("rank-1.jsonl", start("old", 3) + start("new", 2));
  write("rank-2.jsonl", start("old", 3));
  write("rank-10.jsonl", "torn");
  write("notes.jsonl", start("new", 2));
  const auto logs = read_run_logs(folder_);
  ASSERT_EQ(logs.size(), 2U);
  EXPECT_EQ(logs[0].rank, 0);
  EXPECT_EQ(logs[1].rank, 1);
  EXPECT_EQ(logs[1].run, "new");
}

TEST_F(LogFolder, OfALargeFileTheEndIsRead) {
  std::string text = start("r", 2) + unit("r", 1);
  for (int i = 0; text.size() < 3'000'000; ++i) text += progress("r", 10 + i % 3000, i, i);
  write("rank-0.jsonl", text + progress("r", 3500, 77, 1e9));
  const auto logs = read_run_logs(folder_);
  ASSERT_EQ(logs.size(), 1U);
  EXPECT_FALSE(logs[0].n_ranks) << "its start lies before the end";
  EXPECT_EQ(logs[0].step, 77);
  EXPECT_EQ(logs[0].work.back().trained_tokens, 1e9);
}

TEST_F(LogFolder, ALineLongerThanTheEndIsFoundAnyway) {
  std::vector<std::string> ids(60'000, std::string(32, 'f'));
  write("rank-0.jsonl", start("r", 1) + line("r", "unit", 1, {{"cells", ids}, {"predicted_seconds", 1}}));
  const auto logs = read_run_logs(folder_);
  ASSERT_EQ(logs.size(), 1U);
  ASSERT_TRUE(logs[0].at_work);
  EXPECT_EQ(logs[0].at_work->n_cells, ids.size());
}

TEST_F(LogFolder, WithoutLogsThereAreNone) {
  EXPECT_TRUE(read_run_logs(folder_).empty());
  EXPECT_TRUE(read_run_logs(folder_ / "missing").empty());
}

TEST(RunLogs, TimesAreReadAsUtc) {
  EXPECT_EQ(seconds_since_1970("1970-01-02T00:00:01.500Z"), 86401.5);
  EXPECT_TRUE(std::isnan(seconds_since_1970("yesterday")));
}

}  // namespace
}  // namespace saesweep::app
