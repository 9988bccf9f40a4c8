#include "results/origins.h"

#include <gtest/gtest.h>

namespace saesweep::results {
namespace {

CellStatus found(State state, Stage stage, const std::string& score_id = "s", const std::string& evaluate_id = "e") {
  CellStatus cell;
  cell.row.id = "t";
  cell.row.evaluate_id = evaluate_id;
  cell.row.score_id = score_id;
  cell.state = state;
  cell.stage = stage;
  return cell;
}

CellRow asked(const std::string& score_id = "s") {
  return found(State::kToCome, Stage::kNone, score_id).row;
}

TEST(Origins, TheRowThatHoldsFurthestIsTaken) {
  const Origins origins({{found(State::kStarted, Stage::kTrained)},
                         {found(State::kDone, Stage::kScored, "another judge")},
                         {found(State::kStarted, Stage::kTrained)}},
                        Stage::kScored);
  const auto origin = origins.find(asked());
  ASSERT_TRUE(origin);
  EXPECT_EQ(origin->file, 1u);
  EXPECT_EQ(origin->stage, Stage::kEvaluated);
  EXPECT_EQ(origin->state, State::kToCome);
}

TEST(Origins, AtEqualStagesTheFirstFilesRowIsTaken) {
  const Origins origins({{found(State::kDone, Stage::kScored)}, {found(State::kDone, Stage::kScored)}}, Stage::kScored);
  EXPECT_EQ(origins.find(asked())->file, 0u);
}

TEST(Origins, AFailureIsKnownAlsoWhereAnotherFileHasTheSameStage) {
  const Origins origins({{found(State::kStarted, Stage::kTrained)}, {found(State::kFailed, Stage::kTrained)}},
                        Stage::kScored);
  EXPECT_EQ(origins.find(asked())->state, State::kFailed);
}

TEST(Origins, ACellDoneElsewhereOutweighsItsFailure) {
  const Origins origins({{found(State::kFailed, Stage::kTrained)}, {found(State::kDone, Stage::kScored)}},
                        Stage::kScored);
  EXPECT_EQ(origins.find(asked())->state, State::kDone);
}

TEST(Origins, AWholeRowThatAKillLeftUnmarkedIsDone) {
  const Origins origins({{found(State::kStarted, Stage::kScored)}}, Stage::kScored);
  EXPECT_EQ(origins.find(asked())->state, State::kDone);
}

TEST(Origins, ScoresThatAreNotAskedForAreKept) {
  const Origins origins({{found(State::kDone, Stage::kScored)}}, Stage::kEvaluated);
  EXPECT_EQ(origins.find(asked(""))->stage, Stage::kEvaluated);
  const CellRow kept = origins.with_kept_scores(asked(""));
  EXPECT_EQ(kept.score_id, "s");
  EXPECT_EQ(origins.find(kept)->stage, Stage::kScored);
}

TEST(Origins, AnUnknownCellHasNone) {
  EXPECT_FALSE(Origins({{}, {}}, Stage::kScored).find(asked()));
}

}  // namespace
}  // namespace saesweep::results
