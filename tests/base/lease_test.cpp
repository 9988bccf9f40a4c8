#include "base/lease.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>

#include "base/errors.h"
#include "support/temporary_folder.h"

namespace saesweep {
namespace {

// A child process that holds a lease until it is killed.
class Holder {
 public:
  explicit Holder(const std::filesystem::path& folder) {
    int ends[2];
    if (::pipe(ends) != 0) throw std::runtime_error("pipe");
    pid_ = ::fork();
    if (pid_ == 0) {
      const Lease lease(folder);
      char ready = 1;
      if (::write(ends[1], &ready, 1) != 1) ::_exit(1);
      ::pause();
      ::_exit(0);
    }
    char ready = 0;
    if (::read(ends[0], &ready, 1) != 1) throw std::runtime_error("the child did not start");
    ::close(ends[0]);
    ::close(ends[1]);
  }
  ~Holder() { kill_now(); }
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;

  void kill_now() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = 0;
};

TEST(Lease, ASecondProcessIsRefusedAndToldWhoHoldsTheFolder) {
  const test::TemporaryFolder folder;
  ::setenv("SLURM_JOB_ID", "4711", 1);
  const Holder holder(folder.path());
  ::unsetenv("SLURM_JOB_ID");
  try {
    const Lease lease(folder.path());
    FAIL() << "two processes hold one folder";
  } catch (const OutputError& error) {
    const std::string message = error.what();
    char host[256] = "";
    ::gethostname(host, sizeof host - 1);
    for (const std::string& part :
         {folder.path().string(), "host " + std::string(host) + ",", "process " + std::to_string(holder.pid()) + ",",
          std::string("Slurm job 4711"), std::string("since 20")}) {
      EXPECT_NE(message.find(part), std::string::npos) << message << " lacks " << part;
    }
  }
}

TEST(Lease, AKilledHolderFreesTheFolder) {
  const test::TemporaryFolder folder;
  Holder holder(folder.path());
  EXPECT_NE(lease_holder(folder.path()), "");
  holder.kill_now();
  EXPECT_EQ(lease_holder(folder.path()), "");
  EXPECT_NO_THROW(Lease{folder.path()});
}

TEST(Lease, EndsWithTheObjectThatHoldsItLast) {
  const test::TemporaryFolder folder;
  std::optional<Lease> moved;
  {
    Lease first(folder.path());
    moved.emplace(std::move(first));
  }
  EXPECT_THROW(Lease{folder.path()}, OutputError);
  moved.reset();
  EXPECT_NO_THROW(Lease{folder.path()});
}

TEST(Lease, AskingWhoHoldsAFolderNeitherTakesNorMakesAnything) {
  const test::TemporaryFolder folder;
  EXPECT_EQ(lease_holder(folder.path()), "");
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(Lease, AMissingFolderIsNamed) {
  try {
    const Lease lease("/nowhere/at/all");
    FAIL();
  } catch (const OutputError& error) {
    EXPECT_NE(std::string(error.what()).find("/nowhere/at/all"), std::string::npos);
  }
}

}  // namespace
}  // namespace saesweep
