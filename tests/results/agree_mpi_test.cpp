#include <gtest/gtest.h>

#include "base/errors.h"
#include "results/agree.h"

namespace saesweep::results {
namespace {

TEST(Agree, AFailureOnOneRankIsThrownOnAllWithItsKindAndMessage) {
  const mpi::Comm world = mpi::Comm::world();
  try {
    agree(world, [&] {
      if (world.rank() == world.size() - 1) throw StoppedError("no room on node 7");
    });
    FAIL() << "the failure was lost";
  } catch (const StoppedError& error) {
    EXPECT_NE(std::string(error.what()).find("no room on node 7"), std::string::npos) << error.what();
  }
}

TEST(Agree, ReturnsWhereNoRankFails) {
  bool ran = false;
  EXPECT_NO_THROW(agree(mpi::Comm::world(), [&] { ran = true; }));
  EXPECT_TRUE(ran);
}

// /proc is a file system without a free byte on every Linux.
TEST(StopIfFull, AFailedWriteOnAFullFileSystemCanBeContinued) {
  const auto fail = [] { throw SystemError("write failed"); };
  EXPECT_THROW(stop_if_full("/proc/results.h5", fail), StoppedError);
  EXPECT_THROW(stop_if_full(std::filesystem::temp_directory_path() / "results.h5", fail), SystemError);
}

}  // namespace
}  // namespace saesweep::results
