#include <gtest/gtest.h>

#include <algorithm>

#include "base/errors.h"
#include "results/merge.h"
#include "results/reader.h"
#include "results/writer.h"
#include "support/results_samples.h"
#include "support/shared_folder.h"

namespace saesweep::results {
namespace {

namespace fs = std::filesystem;

const std::vector<CellRow> kRows = test::sample_rows(6);

std::vector<GridEntry> grid_of(const std::vector<CellRow>& rows) {
  std::vector<GridEntry> grid;
  for (const CellRow& row : rows) grid.push_back({row.id, row.evaluate_id, row.score_id, "settings of " + row.id});
  return grid;
}

class Merge : public testing::Test {
 protected:
  // A shard with these cells, all done but the last one, which is at `last`.
  fs::path make_shard(const std::string& name, const std::vector<size_t>& cells, State last = State::kDone,
                      const std::vector<GridEntry>& grid = grid_of(kRows), const std::string& sweep = "a sweep") const {
    std::vector<CellRow> rows;
    for (const size_t cell : cells) rows.push_back(kRows[cell]);
    RootInfo info = test::sample_info();
    info.sweep_name = sweep;
    const Shape shape{.n_cells = rows.size(), .n_all_latents = 110, .n_curve_points = 3, .n_grid = grid.size()};
    const fs::path path = folder_.path() / name;
    auto writer = ResultsWriter::create(path, world_, shape, rows, info, {}, grid);
    if (world_.is_root()) {
      for (size_t i = 0; i < cells.size(); ++i) {
        if (i + 1 < cells.size() || last == State::kDone) {
          test::write_sample_cell(writer, i);
        } else {
          writer.set_state(i, last, last == State::kFailed ? "NaN" : "");
        }
      }
    }
    writer.close();
    world_.barrier();
    return path;
  }

  MergeSummary merge(const std::vector<fs::path>& shards) const {
    MergeSummary summary = merge_results(merged_, shards, world_);
    world_.barrier();
    return summary;
  }

  std::string refusal(const std::vector<fs::path>& shards) const {
    try {
      merge_results(merged_, shards, world_);
    } catch (const OutputError& error) {
      return error.what();
    }
    return "accepted";
  }

  const mpi::Comm world_ = mpi::Comm::world();
  const test::SharedFolder folder_{world_};
  const fs::path merged_ = folder_.path() / "merged.h5";
};

TEST_F(Merge, TakesEachCellOnceInTheOrderOfTheSweep) {
  const auto summary = merge({make_shard("b.h5", {4, 1, 5}), make_shard("a.h5", {2, 0, 3, 1})});
  EXPECT_EQ(summary.n_cells, 6);
  EXPECT_EQ(summary.n_done, 6);
  EXPECT_TRUE(summary.missing.empty());
  const ResultsReader reader(merged_);
  const auto cells = reader.cells();
  ASSERT_EQ(cells.size(), 6u);
  for (size_t i = 0; i < cells.size(); ++i) {
    EXPECT_EQ(cells[i].row, kRows[i]);
    EXPECT_EQ(cells[i].state, State::kDone);
  }
  // What the sample writes of a row: its number in its own file.
  EXPECT_EQ(reader.numbers("/cells/explained_variance"), (std::vector<double>{1.25, 1.25, 0.25, 2.25, 0.25, 2.25}));
  EXPECT_EQ(reader.numbers("/curves/loss")[5 * 3 + 2], 2);
  EXPECT_EQ(reader.grid(), grid_of(kRows));
  EXPECT_EQ(reader.info().shard, "");
}

TEST_F(Merge, NamesWhatIsMissingAndWhatFailed) {
  const auto summary = merge({make_shard("a.h5", {0, 2}, State::kFailed), make_shard("b.h5", {1, 3}, State::kStarted)});
  EXPECT_EQ(summary.n_done, 2);
  EXPECT_EQ(summary.failed, std::vector<std::string>{"settings of id2: NaN"});
  EXPECT_EQ(summary.missing, (std::vector<std::string>{"settings of id3", "settings of id4", "settings of id5"}));
  EXPECT_EQ(read_cells(merged_).size(), 4u);
}

TEST_F(Merge, ALaterMergeTakesTheRestAndKeepsWhatWasThere) {
  merge({make_shard("a.h5", {0, 1, 2})});
  fs::path second = make_shard("b.h5", {3, 4, 5});
  const auto summary = merge({second});
  EXPECT_EQ(summary.n_done, 6);
  EXPECT_EQ(merge({second, second}).n_done, 6);
}

TEST_F(Merge, ACellDoneInOneShardAndBegunInAnotherIsDone) {
  const auto summary = merge({make_shard("a.h5", {1, 0}, State::kStarted), make_shard("b.h5", {0, 2})});
  EXPECT_EQ(summary.n_done, 3);
}

TEST_F(Merge, RefusesAnotherSweepsFileAndSaysWhereTheyDiffer) {
  const fs::path first = make_shard("a.h5", {0, 1});
  const std::string by_name = refusal({first, make_shard("b.h5", {2}, State::kDone, grid_of(kRows), "another")});
  EXPECT_NE(by_name.find("b.h5"), std::string::npos) << by_name;
  EXPECT_NE(by_name.find("'another'"), std::string::npos) << by_name;
  std::vector<GridEntry> other = grid_of(kRows);
  other[3].score_id = "another judge";
  const std::string by_grid = refusal({first, make_shard("c.h5", {2}, State::kDone, other)});
  EXPECT_NE(by_grid.find("cell 3"), std::string::npos) << by_grid;
  EXPECT_NE(by_grid.find("evaluation or scores"), std::string::npos) << by_grid;
  EXPECT_FALSE(fs::exists(merged_));
}

TEST_F(Merge, RefusesWhatIsNoResultsFile) {
  const fs::path first = make_shard("a.h5", {0, 1});
  EXPECT_NE(refusal({first, folder_.path() / "none.h5"}).find("none.h5"), std::string::npos);
}

}  // namespace
}  // namespace saesweep::results
