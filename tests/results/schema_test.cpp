#include "results/schema.h"

#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include "base/errors.h"
#include "base/files.h"

namespace saesweep::results {
namespace {

std::string type_in_docs(const Dataset& dataset) {
  const std::string name(type_name(dataset.type));
  return dataset.type == Type::kText ? name + "[" + std::to_string(dataset.text_bytes) + "]" : name;
}

std::string shape_in_docs(const Dataset& dataset) {
  std::string shape;
  for (const Dimension dimension : dataset.dimensions) {
    shape += (shape.empty() ? "" : ", ") + std::string(dimension_name(dimension));
  }
  return shape;
}

std::string row_in_docs(const Dataset& dataset) {
  return "| `" + std::string(dataset.path) + "` | " + type_in_docs(dataset) + " | " + shape_in_docs(dataset) + " | " +
         std::string(dataset.unit) + (dataset.unit.empty() ? "| " : " | ") + std::string(dataset.meaning) + " | " +
         (dataset.reproducible ? "yes" : "no") + " |";
}

// Rows of tables in docs/results.md that start with a dataset's path.
std::set<std::string> rows_of_docs() {
  std::istringstream docs(read_file("docs/results.md"));
  std::set<std::string> rows;
  for (std::string line; std::getline(docs, line);) {
    if (line.starts_with("| `/")) rows.insert(line);
  }
  return rows;
}

TEST(Schema, DocsDescribeEveryDatasetAndNoOther) {
  std::set<std::string> expected;
  for (const Dataset& one : schema()) expected.insert(row_in_docs(one));
  const std::set<std::string> found = rows_of_docs();
  for (const std::string& row : expected) EXPECT_TRUE(found.contains(row)) << "docs/results.md lacks\n" << row;
  for (const std::string& row : found) EXPECT_TRUE(expected.contains(row)) << "the schema has no\n" << row;
}

TEST(Schema, DocsNameTheVersion) {
  EXPECT_NE(read_file("docs/results.md").find("version " + std::to_string(kVersion)), std::string::npos);
}

TEST(Schema, EachPathStandsOnceAndHasAMeaning) {
  std::set<std::string_view> paths;
  for (const Dataset& one : schema()) {
    EXPECT_TRUE(paths.insert(one.path).second) << one.path;
    EXPECT_FALSE(one.meaning.empty()) << one.path;
    EXPECT_EQ(one.type == Type::kText, one.text_bytes > 0) << one.path;
  }
}

// What a file holds before any stage has run is written with it, or is the row's progress.
TEST(Schema, ColumnsOfEachStageSayWhichItIs) {
  const auto stage_of = [](std::string_view path) { return dataset(path).stage; };
  EXPECT_EQ(stage_of("/cells/id"), Stage::kNone);
  EXPECT_EQ(stage_of("/cells/state"), Stage::kNone);
  EXPECT_EQ(stage_of("/vocabularies/token"), Stage::kNone);
  EXPECT_EQ(stage_of("/cells/host"), Stage::kTrained);
  EXPECT_EQ(stage_of("/curves/step"), Stage::kTrained);
  EXPECT_EQ(stage_of("/cells/kl_score"), Stage::kEvaluated);
  EXPECT_EQ(stage_of("/all_latents/firing_rate"), Stage::kEvaluated);
  EXPECT_EQ(stage_of("/all_latents/status"), Stage::kHarvested);
  EXPECT_EQ(stage_of("/latents/status"), Stage::kHarvested);
  EXPECT_EQ(stage_of("/latents/explanation"), Stage::kScored);
  EXPECT_EQ(stage_of("/predictions/fuzz_null_answer"), Stage::kScored);
}

TEST(Schema, AMisspeltPathNamesTheNearest) {
  try {
    dataset("/cells/explained_varience");
    FAIL();
  } catch (const SystemError& error) {
    EXPECT_NE(std::string(error.what()).find("nearest is /cells/explained_variance"), std::string::npos);
  }
}

TEST(Schema, RowSizesFollowTheShape) {
  const Shape shape{.n_cells = 10,
                    .n_all_latents = 2048,
                    .n_curve_points = 100,
                    .n_latents = 7,
                    .n_null_latents = 3,
                    .n_predictions = 40,
                    .n_examples = 50,
                    .n_window = 32,
                    .n_vocabularies = 2,
                    .n_tokens = 900};
  EXPECT_EQ(row_elements(dataset("/cells/l0"), shape), 1u);
  EXPECT_EQ(row_elements(dataset("/all_latents/firing_rate"), shape), 2048u);
  EXPECT_EQ(row_elements(dataset("/latents/firing_rate"), shape), 7u);
  EXPECT_EQ(row_elements(dataset("/latents/peak_quantiles"), shape), 7u * 11);
  EXPECT_EQ(row_elements(dataset("/predictions/fuzz_null_answer"), shape), 3u * 40);
  EXPECT_EQ(all_elements(dataset("/examples/token"), shape), 10u * 7 * 50 * 32);
  EXPECT_EQ(row_elements(dataset("/vocabularies/token"), shape), 900u);
  EXPECT_EQ(all_elements(dataset("/vocabularies/token"), shape), 2u * 900);
  EXPECT_EQ(row_elements(dataset("/curves/loss"), shape), 100u);
}

}  // namespace
}  // namespace saesweep::results
