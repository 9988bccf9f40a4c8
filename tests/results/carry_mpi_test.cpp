#include <gtest/gtest.h>

#include <cmath>

#include "base/errors.h"
#include "results/carry.h"
#include "results/reader.h"
#include "results/writer.h"
#include "support/results_samples.h"
#include "support/shared_folder.h"

namespace saesweep::results {
namespace {

namespace fs = std::filesystem;

// The second is the byte 0, which tokenizers of bytes have.
const Vocabulary kWords{"the", std::string(1, '\0')};
const Vocabulary kSyllables{"th", "e", " c", "at"};

constexpr Shape kOldShape{.n_cells = 6,
                          .n_all_latents = 4,
                          .n_curve_points = 3,
                          .n_latents = 2,
                          .n_null_latents = 1,
                          .n_predictions = 4,
                          .n_examples = 3,
                          .n_window = 2,
                          .n_vocabularies = 1,
                          .n_tokens = 2};
constexpr Shape kNewShape{.n_cells = 7,
                          .n_all_latents = 6,
                          .n_curve_points = 2,
                          .n_latents = 3,
                          .n_null_latents = 2,
                          .n_predictions = 4,
                          .n_examples = 3,
                          .n_window = 2,
                          .n_vocabularies = 2,
                          .n_tokens = 4};

std::vector<CellRow> rows_with_scores(uint64_t n) {
  std::vector<CellRow> rows = test::sample_rows(n);
  for (CellRow& row : rows) row.score_id = "score of " + row.id;
  return rows;
}

// All columns of a stage hold the row's number, or its text.
void write_stage(ResultsWriter& writer, uint64_t row, Stage stage) {
  for (const Dataset& one : schema()) {
    if (one.stage != stage) continue;
    const size_t n = row_elements(one, writer.shape());
    if (one.type == Type::kText) {
      writer.write_block(row, one.path, std::vector<std::string>(n, "text " + std::to_string(row)));
    } else if (one.type == Type::kFloat32 || one.type == Type::kFloat64) {
      writer.write_block(row, one.path, std::vector<double>(n, static_cast<double>(row)));
    } else {
      writer.write_block(row, one.path, std::vector<int64_t>(n, static_cast<int64_t>(row)));
    }
  }
  if (stage == Stage::kHarvested) writer.write(row, "vocabulary", int64_t{0});
  writer.set_stage(row, stage);
}

class Carry : public testing::Test {
 protected:
  // Row i is at stage i, up to scored; the row after it failed when it was evaluated.
  void make_old_file(const std::vector<CellRow>& rows) {
    const std::vector<Vocabulary> vocabularies{kWords};
    auto writer = ResultsWriter::create(path_, world_, kOldShape, rows, test::sample_info(), vocabularies);
    if (world_.is_root()) {
      for (uint64_t row = 0; row < 5; ++row) {
        for (int stage = 1; stage <= static_cast<int>(row); ++stage)
          write_stage(writer, row, static_cast<Stage>(stage));
        writer.set_state(row, row == 4 ? State::kDone : State::kStarted);
      }
      write_stage(writer, 5, Stage::kTrained);
      writer.set_state(5, State::kFailed, "no variance");
    }
    writer.close();
    world_.barrier();
  }

  void recreate(const std::vector<CellRow>& rows, const std::vector<Vocabulary>& vocabularies,
                Stage last = Stage::kScored, Shape shape = kNewShape) {
    shape.n_cells = rows.size();
    ResultsWriter::recreate(path_, world_, shape, rows, test::sample_info(), last, vocabularies, {}, {&path_, 1})
        .close();
    world_.barrier();
  }

  // The elements of a row that both shapes have hold `value`, all others are missing.
  static void expect_row(const ResultsReader& reader, const Dataset& one, uint64_t row, std::optional<double> value) {
    const size_t n = row_elements(one, kNewShape);
    const bool is_float = one.type == Type::kFloat32 || one.type == Type::kFloat64;
    const auto values = reader.numbers(one.path);
    for (size_t i = 0; i < n; ++i) {
      const double found = values[row * n + i];
      if (value && is_common(one, i)) {
        EXPECT_EQ(found, *value) << one.path << " row " << row << " element " << i;
      } else {
        EXPECT_TRUE(is_float ? std::isnan(found) : found == (one.type == Type::kUint8 ? 0 : -1))
            << one.path << " row " << row << " element " << i << ": " << found;
      }
    }
  }

  static bool is_common(const Dataset& one, size_t element) {
    for (size_t i = one.dimensions.size() - 1; i > 0; --i) {
      const uint64_t length = kNewShape.length(one.dimensions[i]);
      if (element % length >= kOldShape.length(one.dimensions[i])) return false;
      element /= length;
    }
    return true;
  }

  void expect_columns(uint64_t row, uint64_t old_row, Stage last) const {
    const ResultsReader reader(path_);
    for (const Dataset& one : schema()) {
      if (one.stage == Stage::kNone || one.type == Type::kText || one.path == "/cells/vocabulary") continue;
      expect_row(reader, one, row, one.stage <= last ? std::optional(static_cast<double>(old_row)) : std::nullopt);
    }
  }

  const mpi::Comm world_ = mpi::Comm::world();
  const test::SharedFolder folder_{world_};
  const std::filesystem::path path_ = folder_.path() / "results.h5";
};

TEST_F(Carry, AGrownGridKeepsEveryColumnOfEveryRowWhereverItNowStands) {
  const auto rows = rows_with_scores(7);
  make_old_file({rows.begin(), rows.begin() + 6});
  const std::vector<CellRow> grown(rows.rbegin(), rows.rend());
  recreate(grown, {kSyllables, kWords});
  const auto cells = read_cells(path_);
  ASSERT_EQ(cells.size(), 7u);
  for (uint64_t row = 2; row < 7; ++row) {
    const uint64_t old_row = 6 - row;
    EXPECT_EQ(cells[row].row, grown[row]);
    EXPECT_EQ(cells[row].stage, static_cast<Stage>(old_row));
    EXPECT_EQ(cells[row].state, old_row == 4 ? State::kDone : State::kToCome) << row;
    expect_columns(row, old_row, static_cast<Stage>(old_row));
  }
  EXPECT_EQ(cells[0].stage, Stage::kNone);
  expect_columns(0, 0, Stage::kNone);
  EXPECT_EQ(ResultsReader(path_).texts("/latents/explanation").at(2 * 3 + 1), "text 4");
  EXPECT_EQ(ResultsReader(path_).texts("/latents/explanation").at(2 * 3 + 2), "");
  EXPECT_EQ(ResultsReader(path_).numbers("/cells/vocabulary").at(2), 1) << "its vocabulary stands elsewhere now";
  EXPECT_FALSE(std::filesystem::exists(path_.string() + ".new"));
}

TEST_F(Carry, ADoneRowStaysDoneWhereTheSweepGoesFurtherNow) {
  const auto rows = rows_with_scores(6);
  make_old_file(rows);
  auto writer = ResultsWriter::open(path_, world_);
  if (world_.is_root()) writer.set_state(2, State::kDone);
  writer.close();
  world_.barrier();
  recreate(rows, {kWords});
  EXPECT_EQ(read_cells(path_)[2].state, State::kDone);
  EXPECT_EQ(read_cells(path_)[2].stage, Stage::kEvaluated);
}

TEST_F(Carry, AFailureStaysWithItsReasonUnlessTheStageThatFailedHasOtherSettings) {
  auto rows = rows_with_scores(6);
  make_old_file(rows);
  rows[5].score_id = "another judge";
  recreate(rows, {kWords});
  EXPECT_EQ(read_cells(path_)[5].state, State::kFailed);
  EXPECT_EQ(read_cells(path_)[5].failure, "no variance");
  EXPECT_EQ(read_cells(path_)[5].stage, Stage::kTrained);
  world_.barrier();
  rows[5].evaluate_id = "more tokens";
  recreate(rows, {kWords});
  EXPECT_EQ(read_cells(path_)[5].state, State::kToCome);
  EXPECT_EQ(read_cells(path_)[5].failure, "");
  EXPECT_EQ(read_cells(path_)[5].stage, Stage::kTrained);
}

TEST_F(Carry, OtherSettingsOfAStageKeepTheStagesBeforeIt) {
  auto rows = rows_with_scores(6);
  make_old_file(rows);
  rows[4].score_id = "another judge";
  rows[3].evaluate_id = "more tokens";
  rows[2].id = "another cell";
  recreate(rows, {kWords});
  const auto cells = read_cells(path_);
  EXPECT_EQ(cells[4].stage, Stage::kEvaluated);
  EXPECT_EQ(cells[4].state, State::kToCome);
  expect_columns(4, 4, Stage::kEvaluated);
  EXPECT_EQ(cells[3].stage, Stage::kTrained);
  expect_columns(3, 3, Stage::kTrained);
  EXPECT_EQ(cells[2].stage, Stage::kNone);
  expect_columns(2, 2, Stage::kNone);
}

TEST_F(Carry, ARowIsDoneWhereAllStagesThatTheSweepWantsStand) {
  auto rows = rows_with_scores(6);
  make_old_file(rows);
  for (CellRow& row : rows) row.score_id = "";
  recreate(rows, {}, Stage::kEvaluated);
  const auto cells = read_cells(path_);
  EXPECT_EQ(cells[1].state, State::kToCome);
  for (const size_t row : {2, 3, 4}) {
    EXPECT_EQ(cells[row].state, State::kDone) << row;
    EXPECT_EQ(cells[row].stage, Stage::kEvaluated) << row;
  }
}

// Token ids of a tokenizer that is no longer there would be shown as another's words.
TEST_F(Carry, AHarvestWithoutItsVocabularyIsMadeAgain) {
  const auto rows = rows_with_scores(6);
  make_old_file(rows);
  recreate(rows, {kSyllables});
  EXPECT_EQ(read_cells(path_)[4].stage, Stage::kEvaluated);
  expect_columns(4, 4, Stage::kEvaluated);
}

// Another job may make its file anew, with its rows elsewhere, while they are copied from it.
TEST_F(Carry, AFileThatIsReplacedMeanwhileStaysTheOneThatWasRead) {
  const auto rows = rows_with_scores(6);
  make_old_file(rows);
  const fs::path copy = folder_.path() / "copy.h5";
  const std::vector<Vocabulary> words{kWords};
  Shape shape = kNewShape;
  shape.n_cells = 6;
  shape.n_vocabularies = 1;
  const auto info = test::sample_info();
  Carried carried = find_carried({&path_, 1}, words, Stage::kScored);
  world_.barrier();
  const std::vector<CellRow> turned(rows.rbegin(), rows.rend());
  recreate(turned, words, Stage::kScored, shape);
  create_results(copy, world_, {shape, rows, info, words},
                 [&](h5::File& file, RowRange range) { carry_rows(carried, file, rows, range); });
  world_.barrier();
  EXPECT_EQ(read_cells(copy)[4].state, State::kDone);
  EXPECT_EQ(ResultsReader(copy).numbers("/cells/explained_variance").at(4), 4);
}

TEST_F(Carry, AFullDiskLeavesTheOldFile) {
  const auto rows = rows_with_scores(6);
  make_old_file(rows);
  Shape huge = kNewShape;
  huge.n_examples = uint64_t{1} << 45;
  EXPECT_THROW(recreate(rows, {kWords}, Stage::kScored, huge), OutputError);
  world_.barrier();
  EXPECT_EQ(ResultsReader(path_).shape(), kOldShape);
  EXPECT_EQ(read_cells(path_)[4].state, State::kDone);
  EXPECT_FALSE(std::filesystem::exists(path_.string() + ".new"));
}

}  // namespace
}  // namespace saesweep::results
