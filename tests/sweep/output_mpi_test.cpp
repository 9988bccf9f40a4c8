#include <gtest/gtest.h>

#include "base/errors.h"
#include "mpi/comm.h"
#include "results/writer.h"
#include "support/shared_folder.h"
#include "sweep/output.h"
#include "sweep/small_sweep.h"

namespace saesweep::sweep {
namespace {

namespace fs = std::filesystem;

//! A results file of the small sweep, of which row 1 is done and row 2 failed.
class PlanRows : public testing::Test {
 protected:
  void SetUp() override {
    options_.name = "small";
    std::vector<results::CellRow> rows;
    for (const Cell& cell : cells_) rows.push_back(row_of(cell));
    results::Shape shape = shape_of(cells_, options_);
    shape.n_grid = cells_.size();
    auto writer =
        results::ResultsWriter::create(file_, world_, shape, rows, {"small", "", {}, "", ""}, {}, grid_of(cells_));
    if (world_.is_root()) {
      writer.set_stage(1, results::Stage::kEvaluated);
      writer.set_state(1, results::State::kDone);
      writer.set_state(2, results::State::kFailed, "NaN");
    }
    writer.close();
  }
  RowPlan plan(const std::vector<Cell>& cells) const { return plan_rows(file_, {}, cells, options_, grid_of(cells_)); }

  const mpi::Comm world_ = mpi::Comm::world();
  test::SharedFolder folder_{world_};
  fs::path file_ = folder_.path() / "results.h5";
  SweepOptions options_ = small_sweep();
  std::vector<Cell> cells_ = expand(options_, small_inputs());
};

TEST_F(PlanRows, TakesUpWhatAnEarlierRunLeft) {
  const RowPlan found = plan(cells_);
  EXPECT_TRUE(found.is_current);
  ASSERT_EQ(found.states.size(), cells_.size());
  for (size_t row = 0; row < found.states.size(); ++row) {
    const auto expected = row == 1   ? results::State::kDone
                          : row == 2 ? results::State::kFailed
                                     : results::State::kToCome;
    EXPECT_EQ(found.states[row], expected) << row;
    EXPECT_EQ(found.stages[row], row == 1 ? results::Stage::kEvaluated : results::Stage::kNone) << row;
    EXPECT_EQ(found.places[row], row);
  }
}

TEST_F(PlanRows, WithoutAFileAllIsToCome) {
  const RowPlan found = plan_rows(folder_.path() / "other.h5", {}, cells_, options_, grid_of(cells_));
  EXPECT_FALSE(found.has_file);
  EXPECT_FALSE(found.is_current);
  EXPECT_EQ(found.states, std::vector<results::State>(cells_.size(), results::State::kToCome));
}

TEST_F(PlanRows, FewerCellsFindTheirRowsWhereTheyAre) {
  const std::vector<Cell> fewer(cells_.begin() + 1, cells_.end());
  const RowPlan found = plan(fewer);
  EXPECT_TRUE(found.is_current);
  EXPECT_EQ(found.places[0], 1u);
  EXPECT_EQ(found.states[0], results::State::kDone);
  EXPECT_EQ(found.states[1], results::State::kFailed);
}

TEST_F(PlanRows, OtherCellsAskForAFileThatHoldsTheOldOnesToo) {
  std::vector<Cell> other = cells_;
  other[1].id = "another id";
  const RowPlan found = plan(other);
  EXPECT_FALSE(found.is_current);
  ASSERT_EQ(found.rows.size(), cells_.size() + 1);
  EXPECT_EQ(found.rows.back(), row_of(cells_[1]));
  EXPECT_EQ(found.states[1], results::State::kToCome);
  EXPECT_EQ(found.places.back(), cells_.size() - 1);
}

TEST_F(PlanRows, ARowThatAKillLeftWholeIsDoneAndToBeMarked) {
  auto writer = results::ResultsWriter::open(file_, world_);
  if (world_.is_root()) {
    writer.set_stage(4, results::Stage::kEvaluated);
    writer.set_state(4, results::State::kStarted);
  }
  writer.close();
  const RowPlan found = plan(cells_);
  EXPECT_EQ(found.states[4], results::State::kDone);
  EXPECT_EQ(found.unmarked, std::vector<uint64_t>{4});
}

TEST_F(PlanRows, AnotherJudgeLeavesWhatWasEvaluated) {
  std::vector<Cell> judged = cells_;
  for (Cell& cell : judged) cell.score_id = "another judge";
  options_.autointerp.is_wanted = true;
  const RowPlan found = plan(judged);
  EXPECT_FALSE(found.is_current);
  EXPECT_EQ(found.rows.size(), cells_.size());
  EXPECT_EQ(found.stages[1], results::Stage::kEvaluated);
  EXPECT_EQ(found.states[1], results::State::kToCome);
}

TEST_F(PlanRows, AnotherSweepIsRefused) {
  options_.name = "another";
  std::string message = "accepted";
  try {
    require_sweep(file_, options_.name, "sweep");
  } catch (const OutputError& error) {
    message = error.what();
  }
  EXPECT_NE(message.find(file_.string()), std::string::npos) << message;
  EXPECT_NE(message.find("'small'"), std::string::npos) << message;
  EXPECT_NE(message.find("'another'"), std::string::npos) << message;
}

TEST_F(PlanRows, AToySweepOfTheSameNameIsRefused) {
  std::string message = "accepted";
  try {
    require_sweep(file_, options_.name, "toy");
  } catch (const OutputError& error) {
    message = error.what();
  }
  EXPECT_NE(message.find("holds the sweep 'small', expected the toy sweep 'small'"), std::string::npos) << message;
}

}  // namespace
}  // namespace saesweep::sweep
