// The main of tests that run under mpirun: every rank runs every test, rank 0 prints, and the program fails on
// all ranks where any rank failed.
#include <gtest/gtest.h>

#include <cstdio>

#include "mpi/comm.h"
#include "mpi/environment.h"

namespace {

// Stands in for GoogleTest's own printer on the ranks above 0: failures only, with the rank.
class FailurePrinter : public testing::EmptyTestEventListener {
 public:
  explicit FailurePrinter(int rank) : rank_(rank) {}

  void OnTestPartResult(const testing::TestPartResult& result) override {
    if (!result.failed()) return;
    std::fprintf(stderr, "rank %d: %s:%d: %s\n", rank_, result.file_name() ? result.file_name() : "?",
                 result.line_number(), result.message());
  }

 private:
  int rank_;
};

void print_failures_only(int rank) {
  testing::TestEventListeners& listeners = testing::UnitTest::GetInstance()->listeners();
  delete listeners.Release(listeners.default_result_printer());
  listeners.Append(new FailurePrinter(rank));  // GoogleTest owns it
}

}  // namespace

int main(int argc, char** argv) {
  const saesweep::mpi::Environment environment(argc, argv);
  testing::InitGoogleTest(&argc, argv);
  const saesweep::mpi::Comm world = saesweep::mpi::Comm::world();
  if (!world.is_root()) print_failures_only(world.rank());
  const int failed = RUN_ALL_TESTS();
  return world.max(failed);
}
