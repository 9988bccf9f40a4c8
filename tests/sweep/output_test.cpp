#include "sweep/output.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "base/errors.h"
#include "base/files.h"
#include "support/temporary_folder.h"
#include "sweep/small_sweep.h"

namespace saesweep::sweep {
namespace {

namespace fs = std::filesystem;

TEST(MoveAside, KeepsAllThatTheFolderHeld) {
  const test::TemporaryFolder folder;
  const fs::path output = folder.path() / "out";
  write_file(output / "saes" / "a" / "cfg.json", "{}");
  write_file(output / "results.h5", "old");
  const fs::path aside = move_aside(output);
  EXPECT_FALSE(fs::exists(output));
  EXPECT_TRUE(aside.string().starts_with(output.string() + ".2")) << aside;  // out.<year>...
  EXPECT_EQ(read_file(aside / "results.h5"), "old");
  EXPECT_EQ(read_file(aside / "saes" / "a" / "cfg.json"), "{}");
}

TEST(MoveAside, LeavesWhatIsEmptyOrMissing) {
  const test::TemporaryFolder folder;
  const fs::path output = folder.path() / "out";
  EXPECT_EQ(move_aside(output), fs::path());
  fs::create_directory(output);
  EXPECT_EQ(move_aside(output), fs::path());
  EXPECT_TRUE(fs::exists(output));
}

// Twice within a second the new name is taken.
TEST(MoveAside, NeverReplacesWhatWasMovedBefore) {
  const test::TemporaryFolder folder;
  const fs::path output = folder.path() / "out";
  write_file(output / "results.h5", "first");
  const fs::path first = move_aside(output);
  write_file(output / "results.h5", "second");
  fs::path second = output;
  try {
    second = move_aside(output);
  } catch (const OutputError& error) {
    EXPECT_NE(std::string(error.what()).find(first.string()), std::string::npos) << error.what();
  }
  EXPECT_EQ(read_file(first / "results.h5"), "first");
  EXPECT_EQ(read_file(second / "results.h5"), "second");
}

TEST(CheckSpace, TellsWhatIsNeeded) {
  const test::TemporaryFolder folder;
  EXPECT_NO_THROW(check_space(folder.path(), 1));
  EXPECT_THROW(check_space(folder.path(), std::numeric_limits<uint64_t>::max()), OutputError);
}

TEST(ShapeOf, TakesTheLargestOfAllCells) {
  SweepOptions options = small_sweep();
  options.axes.expansion_factors = {4, 16, 8};
  options.axes.tokens = {51'200, 256'000};
  const results::Shape shape = shape_of(expand(options, small_inputs()), options);
  EXPECT_EQ(shape.n_cells, 360u);
  EXPECT_EQ(shape.n_all_latents, 2048u);
  EXPECT_EQ(shape.n_latents, 0u) << "nothing is scored";
  EXPECT_EQ(shape.n_curve_points, 125u);  // 250 steps, every second one
}

}  // namespace
}  // namespace saesweep::sweep
