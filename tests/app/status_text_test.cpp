#include "app/status_text.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/errors.h"

namespace saesweep::app {
namespace {

using results::State;

RunState run_of(const std::vector<State>& states) {
  RunState run;
  run.sweep_name = "small";
  for (const auto state : states) {
    results::CellStatus cell;
    cell.row.model = "tiny";
    cell.row.variant = "trained";
    cell.row.hookpoint = "layers.3";
    cell.state = state;
    if (state == State::kFailed) cell.failure = "the loss is not finite";
    const bool is_done = state == State::kDone;
    run.cells.push_back(cell);
    run.tokens_trained.push_back(is_done ? 1000 : NAN);
    run.train_seconds.push_back(is_done ? 2 : NAN);
  }
  return run;
}

TEST(StatusText, CountsEveryState) {
  auto run = run_of(
      {State::kDone, State::kDone, State::kStarted, State::kFailed, State::kToCome, State::kToCome, State::kToCome});
  EXPECT_TRUE(
      status_text(run).starts_with("Sweep small: 2 of 7 cells done, 1 begun and left, 1 failed, 3 to come\n"
                                   "Not running\n"))
      << status_text(run);
  run.holder = "host n1, process 12";
  EXPECT_NE(status_text(run).find("1 running"), std::string::npos);
  EXPECT_NE(status_text(run).find("Running: host n1, process 12"), std::string::npos);
}

TEST(StatusText, SpeedIsOfTrainedCellsOnly) {
  EXPECT_NE(status_text(run_of({State::kDone, State::kToCome})).find("500 training tokens/s"), std::string::npos);
  EXPECT_EQ(status_text(run_of({State::kToCome})).find("tokens/s"), std::string::npos);
}

TEST(StatusText, FailuresAreGivenWithReasonsAndCutWhereMany) {
  const auto few = status_text(run_of({State::kDone, State::kFailed}));
  EXPECT_NE(few.find("  cell 1: tiny trained layers.3"), std::string::npos) << few;
  EXPECT_NE(few.find("the loss is not finite"), std::string::npos);
  const auto many = status_text(run_of(std::vector<State>(25, State::kFailed)));
  EXPECT_NE(many.find("and 5 more"), std::string::npos) << many;
}

TEST(StatusText, MissingResultsAreRefusedByName) {
  try {
    results_file("/nowhere/out");
    FAIL();
  } catch (const OutputError& error) {
    EXPECT_NE(std::string(error.what()).find("/nowhere/out"), std::string::npos);
  }
}

}  // namespace
}  // namespace saesweep::app
