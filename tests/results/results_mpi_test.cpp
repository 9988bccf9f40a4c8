#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "base/errors.h"
#include "h5/file.h"
#include "results/reader.h"
#include "results/writer.h"
#include "support/results_samples.h"
#include "support/shared_folder.h"

namespace saesweep::results {
namespace {

// Every dimension has a length of its own.
constexpr Shape kScoredShape{.n_cells = 3,
                             .n_all_latents = 13,
                             .n_curve_points = 2,
                             .n_latents = 7,
                             .n_null_latents = 4,
                             .n_predictions = 6,
                             .n_examples = 5,
                             .n_window = 8,
                             .n_vocabularies = 1,
                             .n_tokens = 9};

class ResultsFile : public testing::Test {
 protected:
  ResultsWriter create(const Shape& shape) {
    return ResultsWriter::create(path_, world_, shape, test::sample_rows(shape.n_cells), test::sample_info());
  }
  bool is_mine(uint64_t row) const {
    return row % static_cast<uint64_t>(world_.size()) == static_cast<uint64_t>(world_.rank());
  }

  const mpi::Comm world_ = mpi::Comm::world();
  const test::SharedFolder folder_{world_};
  const std::filesystem::path path_ = folder_.path() / "results.h5";
};

TEST_F(ResultsFile, ANewFileHoldsTheRowsAndNothingElseYet) {
  create({5, 7, 3}).close();
  world_.barrier();
  const ResultsReader reader(path_);
  EXPECT_EQ(reader.info(), test::sample_info());
  const auto cells = reader.cells();
  ASSERT_EQ(cells.size(), 5u);
  for (size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(cells[i].row, test::sample_rows(5)[i]);
    EXPECT_EQ(cells[i].state, State::kToCome);
    EXPECT_EQ(cells[i].stage, Stage::kNone);
    EXPECT_EQ(cells[i].failure, "");
  }
  EXPECT_FALSE(std::filesystem::exists(path_.string() + ".new"));
}

TEST_F(ResultsFile, WhatNobodyWroteReadsAsMissing) {
  create(kScoredShape).close();
  world_.barrier();
  const ResultsReader reader(path_);
  std::set<std::string_view> given{"/cells/state", "/cells/stage", "/cells/penalty"};
  for (const auto& [path, member] : integer_columns()) given.insert(path);
  for (const Dataset& one : schema()) {
    if (one.type == Type::kText || given.contains(one.path)) continue;
    ASSERT_GT(all_elements(one, kScoredShape), 0u) << one.path;
    const bool is_float = one.type == Type::kFloat32 || one.type == Type::kFloat64;
    const auto values = reader.numbers(one.path);
    EXPECT_EQ(values.size(), all_elements(one, reader.shape())) << one.path;
    for (const double value : values)
      EXPECT_TRUE(is_float ? std::isnan(value) : value == (one.type == Type::kUint8 ? 0 : -1)) << one.path;
  }
}

TEST_F(ResultsFile, RowsWrittenByAnyRankComeBack) {
  auto writer = create({5, 110, 4});
  for (uint64_t row = 0; row < 5; ++row) {
    if (is_mine(row)) test::write_sample_cell(writer, row);
  }
  writer.close();
  world_.barrier();
  const ResultsReader reader(path_);
  const auto explained = reader.numbers("/cells/explained_variance");
  const auto rate = reader.numbers("/all_latents/firing_rate");
  const auto loss = reader.numbers("/curves/loss");
  for (size_t row = 0; row < 5; ++row) {
    EXPECT_EQ(reader.cells()[row].state, State::kDone);
    EXPECT_EQ(reader.cells()[row].stage, Stage::kEvaluated);
    EXPECT_EQ(explained[row], static_cast<double>(row) + 0.25);
    EXPECT_EQ(rate[row * 110 + 64], 0.0625);
    EXPECT_EQ(rate[row * 110 + 99 + row], static_cast<double>(99 + row) / 1024);
    EXPECT_TRUE(std::isnan(rate[row * 110 + 100 + row]));
    EXPECT_EQ(loss[row * 4 + 2], static_cast<double>(row));
    EXPECT_TRUE(std::isnan(loss[row * 4 + 3]));
  }
}

TEST_F(ResultsFile, BlocksOfARowAndOfASlotComeBackAndTheRestStaysMissing) {
  auto writer = create(kScoredShape);
  if (world_.is_root()) {
    writer.write_block(1, "/latents/status", std::vector<uint8_t>{2, 3});
    writer.write_block(1, "/latents/explanation", std::vector<std::string>{"wörds", "digits"});
    writer.write_block(1, "/latents/peak_quantiles", std::vector<float>(2 * 11, 0.5F));
    writer.write_block(1, 6, "/predictions/fuzz_truth", std::vector<int8_t>{1, 0});
    writer.write_block(1, 6, "/predictions/fuzz_marks", std::vector<int64_t>{int64_t{1} << 62, 5});
    writer.write_block(2, 3, "/predictions/fuzz_null_probability", std::vector<float>(6, 0.25F));
    writer.write_block(2, 4, "/examples/token", std::vector<int32_t>(2 * 8, 77));
  }
  writer.close();
  world_.barrier();
  const ResultsReader reader(path_);
  const auto expect_runs = [&](std::string_view path, size_t at, std::vector<double> expected) {
    const auto values = reader.numbers(path);
    for (size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(values.at(at + i), expected[i]) << path << " " << i;
  };
  expect_runs("/latents/status", 1 * 7 - 1, {0, 2, 3, 0});
  EXPECT_EQ(reader.texts("/latents/explanation").at(7), "wörds");
  EXPECT_EQ(reader.texts("/latents/explanation").at(8), "digits");
  EXPECT_EQ(reader.texts("/latents/explanation").at(9), "");
  expect_runs("/latents/peak_quantiles", 1 * 77 + 20, {0.5, 0.5});
  EXPECT_TRUE(std::isnan(reader.numbers("/latents/peak_quantiles").at(1 * 77 + 22)));
  expect_runs("/predictions/fuzz_truth", (1 * 7 + 6) * 6 - 1, {-1, 1, 0, -1, -1, -1, -1, -1});
  expect_runs("/predictions/fuzz_marks", (1 * 7 + 6) * 6, {0x1p62, 5, -1});
  expect_runs("/predictions/fuzz_null_probability", (2 * 4 + 3) * 6, {0.25, 0.25, 0.25, 0.25, 0.25, 0.25});
  EXPECT_TRUE(std::isnan(reader.numbers("/predictions/fuzz_null_probability").at((2 * 4 + 3) * 6 - 1)));
  expect_runs("/examples/token", (2 * 7 + 4) * 40 - 1, {-1, 77});
  expect_runs("/examples/token", (2 * 7 + 4) * 40 + 15, {77, -1});
}

TEST_F(ResultsFile, VocabulariesStandInItFromTheStart) {
  const Vocabulary words{"<|end|>", " the", "\n", "日本語", std::string(40, 'x')};
  const std::vector<Vocabulary> of_root{words};
  ResultsWriter::create(path_, world_, kScoredShape, test::sample_rows(3), test::sample_info(),
                        world_.is_root() ? of_root : std::vector<Vocabulary>{})
      .close();
  world_.barrier();
  const auto texts = ResultsReader(path_).texts("/vocabularies/token");
  EXPECT_EQ(texts, (std::vector<std::string>{"<|end|>", " the", "\n", "日本語", std::string(32, 'x'), "", "", "", ""}));
}

TEST_F(ResultsFile, CanBeReadWhileItIsWritten) {
  auto writer = create({5, 110, 4});
  if (world_.is_root()) writer.set_state(2, State::kFailed, "loss is NaN at step 17");
  world_.barrier();
  const auto cell = read_cells(path_).at(2);
  EXPECT_EQ(cell.state, State::kFailed);
  EXPECT_EQ(cell.failure, "loss is NaN at step 17");
  world_.barrier();
}

TEST_F(ResultsFile, IsContinuedWhereItStopped) {
  {
    auto writer = create({4, 110, 4});
    if (world_.is_root()) test::write_sample_cell(writer, 1);
  }
  {
    auto writer = ResultsWriter::open(path_, world_);
    EXPECT_EQ(writer.shape().n_all_latents, 110u);
    if (world_.rank() == world_.size() - 1) test::write_sample_cell(writer, 3);
  }
  world_.barrier();
  const auto cells = read_cells(path_);
  EXPECT_EQ(cells[0].state, State::kToCome);
  EXPECT_EQ(cells[1].state, State::kDone);
  EXPECT_EQ(cells[3].state, State::kDone);
}

TEST_F(ResultsFile, FewerCellsThanRanksAndEmptyDimensionsWork) {
  auto writer = create({1, 0, 0});
  if (world_.is_root()) writer.write(0, "l0", 32.0);
  writer.close();
  world_.barrier();
  const ResultsReader reader(path_);
  EXPECT_EQ(reader.numbers("/cells/l0").at(0), 32.0);
  for (const Dataset& one : schema()) {
    if (one.dimensions.size() < 2 || one.type == Type::kText) continue;
    EXPECT_TRUE(reader.numbers(one.path).empty()) << one.path;
  }
}

TEST_F(ResultsFile, ALongModelPathIsKeptWhole) {
  auto rows = test::sample_rows(2);
  rows[1].model = "/" + std::string(2000, 'm');
  ResultsWriter::create(path_, world_, {2, 1, 1}, rows, test::sample_info()).close();
  world_.barrier();
  EXPECT_EQ(read_cells(path_)[1].row.model, rows[1].model);
}

TEST_F(ResultsFile, AWrongColumnTypeRowOrLengthIsRefused) {
  auto writer = create({2, 5, 3});
  EXPECT_THROW(writer.write(0, "explained_varience", 0.5), SystemError);
  EXPECT_THROW(writer.write(0, "explained_variance", int64_t{1}), SystemError);
  EXPECT_THROW(writer.write(0, "explained_variance", "much"), SystemError);
  EXPECT_THROW(writer.write(0, "d_in", 0.5), SystemError);
  EXPECT_THROW(writer.write(2, "l0", 0.5), SystemError);
  EXPECT_THROW(writer.write_curve(0, "loss", std::vector<double>(4)), SystemError);
  EXPECT_THROW(writer.write_block(0, "/latents/explanation", std::vector<std::string>{"none are scored"}), SystemError);
  EXPECT_THROW(writer.write_block(0, "/curves/loss", std::vector<int64_t>(3)), SystemError);
  EXPECT_THROW(writer.write_block(0, "/curves/loss", std::vector<std::string>(3)), SystemError);
}

TEST_F(ResultsFile, ABlockThatFillsNoWholeEntriesIsRefused) {
  auto writer = create(kScoredShape);
  EXPECT_THROW(writer.write_block(0, "/predictions/fuzz_truth", std::vector<int8_t>(7)), SystemError);
  EXPECT_THROW(writer.write_block(0, 7, "/predictions/fuzz_truth", std::vector<int8_t>(6)), SystemError);
  EXPECT_THROW(writer.write_block(0, 0, "/predictions/fuzz_truth", std::vector<int8_t>(7)), SystemError);
  EXPECT_THROW(writer.write_block(0, 0, "/examples/token", std::vector<int32_t>(9)), SystemError);
  EXPECT_THROW(writer.write_block(0, 0, "/cells/l0", std::vector<double>(1)), SystemError);
}

TEST_F(ResultsFile, ADiskTooSmallIsRefusedBeforeAnythingIsMade) {
  try {
    create({1, uint64_t{1} << 50, 1});
    FAIL() << "a file of petabytes was made";
  } catch (const OutputError& error) {
    const std::string message = error.what();
    EXPECT_NE(message.find("bytes, the file system has "), std::string::npos) << message;
  }
  world_.barrier();
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
}

TEST_F(ResultsFile, AnotherVersionIsRefusedNamingBoth) {
  {
    h5::File file = h5::File::create(path_, world_);
    file.set_attribute("/", "filetype", kFileType);
    file.set_attribute("/", "version", int64_t{99});
  }
  world_.barrier();
  const auto message_of = [](auto&& open) -> std::string {
    try {
      open();
      return "opened";
    } catch (const OutputError& error) {
      return error.what();
    }
  };
  const std::string expected =
      path_.string() + ": found version 99 of the results file, expected version " + std::to_string(kVersion);
  EXPECT_TRUE(message_of([&] { ResultsReader{path_}; }).starts_with(expected));
  const std::string refusal = message_of([&] { ResultsWriter::open(path_, world_); });
  EXPECT_NE(refusal.find(expected), std::string::npos) << refusal;
}

TEST_F(ResultsFile, AFileThatIsNotOursIsRefused) {
  EXPECT_THROW(ResultsReader{path_}, OutputError) << "there is no file";
  world_.barrier();
  { h5::File::create(path_, world_).set_attribute("/", "filetype", "statepoint"); }
  world_.barrier();
  EXPECT_THROW(ResultsReader{path_}, OutputError);
}

}  // namespace
}  // namespace saesweep::results
