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
class StatesOf : public testing::Test {
 protected:
  void SetUp() override {
    options_.name = "small";
    std::vector<results::CellRow> rows;
    for (const Cell& cell : cells_) rows.push_back(row_of(cell));
    auto writer =
        results::ResultsWriter::create(file_, world_, shape_of(cells_, options_), rows, {"small", "", {}, "", ""});
    if (world_.is_root()) {
      writer.set_state(1, results::State::kDone);
      writer.set_state(2, results::State::kFailed, "NaN");
    }
    writer.close();
  }
  std::string refusal(const std::vector<Cell>& cells, const SweepOptions& options) const {
    try {
      states_of(file_, cells, options);
    } catch (const OutputError& error) {
      return error.what();
    }
    return "accepted";
  }

  const mpi::Comm world_ = mpi::Comm::world();
  test::SharedFolder folder_{world_};
  fs::path file_ = folder_.path() / "results.h5";
  SweepOptions options_ = small_sweep();
  std::vector<Cell> cells_ = expand(options_, small_inputs());
};

TEST_F(StatesOf, AnEarlierRunAreRead) {
  const std::vector<results::State> states = states_of(file_, cells_, options_);
  ASSERT_EQ(states.size(), cells_.size());
  for (size_t row = 0; row < states.size(); ++row) {
    const auto expected = row == 1   ? results::State::kDone
                          : row == 2 ? results::State::kFailed
                                     : results::State::kToCome;
    EXPECT_EQ(states[row], expected) << row;
  }
}

TEST_F(StatesOf, NoFileAreAllToCome) {
  const std::vector<results::State> states = states_of(folder_.path() / "other.h5", cells_, options_);
  EXPECT_EQ(states, std::vector<results::State>(cells_.size(), results::State::kToCome));
}

TEST_F(StatesOf, AnotherSweepAreRefused) {
  options_.name = "another";
  std::string message = "accepted";
  try {
    require_sweep(file_, options_);
  } catch (const OutputError& error) {
    message = error.what();
  }
  EXPECT_NE(message.find(file_.string()), std::string::npos) << message;
  EXPECT_NE(message.find("'small'"), std::string::npos) << message;
  EXPECT_NE(message.find("'another'"), std::string::npos) << message;
}

TEST_F(StatesOf, OtherCellsAreRefused) {
  std::vector<Cell> fewer(cells_.begin(), cells_.end() - 1);
  EXPECT_NE(refusal(fewer, options_).find("60 cells"), std::string::npos) << refusal(fewer, options_);
  std::vector<Cell> other = cells_;
  other.back().id = "another id";
  EXPECT_NE(refusal(other, options_).find("other settings"), std::string::npos) << refusal(other, options_);
}

}  // namespace
}  // namespace saesweep::sweep
