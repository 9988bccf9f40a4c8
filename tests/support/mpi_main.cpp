// The main of tests that run under mpirun: every rank runs every test, rank 0 prints, and the program fails on
// all ranks where any rank failed.
#include <gtest/gtest.h>

#include <cstdio>
#include <memory>

#include "mpi/comm.h"
#include "mpi/environment.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

namespace {

// What MPI keeps of modules that it unloads while it starts has no name to be suppressed by.
std::unique_ptr<saesweep::mpi::Environment> start_mpi(int& argc, char**& argv) {
#ifdef __SANITIZE_ADDRESS__
  const __lsan::ScopedDisabler disabler;
#endif
  return std::make_unique<saesweep::mpi::Environment>(argc, argv);
}

// Looks for leaks while MPI's modules are loaded: later they are unknown to the suppressions in scripts/lsan.supp.
void check_leaks() {
#ifdef __SANITIZE_ADDRESS__
  __lsan_do_leak_check();
#endif
}

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
  const auto environment = start_mpi(argc, argv);
  testing::InitGoogleTest(&argc, argv);
  const saesweep::mpi::Comm world = saesweep::mpi::Comm::world();
  if (!world.is_root()) print_failures_only(world.rank());
  const int failed = RUN_ALL_TESTS();
  const int any_failed = world.max(failed);
  check_leaks();
  return any_failed;
}
