#include "base/lease.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>
#include <thread>

#include "base/errors.h"
#include "base/files.h"
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

//! What a holder on another machine, whose locks are not seen here, leaves in the file.
std::string foreign_note(int beat) {
  return "host far, process 7, since 2026-01-31T12:00:00Z\n{\"token\": \"t\", \"boot\": \"b\", \"beat\": " +
         std::to_string(beat) + "}\n";
}

TEST(Lease, AHolderOnAnotherMachineIsToldByItsBeat) {
  const test::TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "run.lock";
  write_file(path, foreign_note(0));
  const std::jthread holder([&](const std::stop_token& stop) {
    for (int beat = 1; !stop.stop_requested(); ++beat) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      std::ofstream(path, std::ios::in) << foreign_note(beat);
    }
  });
  try {
    const Lease lease(folder.path());
    FAIL() << "a living holder lost its folder";
  } catch (const OutputError& error) {
    EXPECT_NE(std::string(error.what()).find("host far, process 7"), std::string::npos) << error.what();
  }
  EXPECT_NE(lease_holder(folder.path()).find("host far"), std::string::npos);
}

TEST(Lease, ABeatThatStandsStillIsTakenOver) {
  const test::TemporaryFolder folder;
  write_file(folder.path() / "run.lock", foreign_note(5));
  EXPECT_NO_THROW(Lease(folder.path(), {}, 1.5));
}

TEST(Lease, ATornFileIsFree) {
  const test::TemporaryFolder folder;
  write_file(folder.path() / "run.lock", "host far, process 7, si");
  EXPECT_NO_THROW(Lease{folder.path()});
}

TEST(Lease, AWaitingProcessGetsTheFolderWhenItsHolderEnds) {
  const test::TemporaryFolder folder;
  Holder holder(folder.path());
  std::string told;
  const Lease lease(folder.path(), [&](const std::string& who) {
    told = who;
    holder.kill_now();
    return true;
  });
  EXPECT_NE(told.find("process"), std::string::npos);
}

TEST(Lease, WaitingCanBeStopped) {
  const test::TemporaryFolder folder;
  const Holder holder(folder.path());
  EXPECT_THROW(Lease(folder.path(), [](const std::string&) { return false; }), StoppedError);
}

TEST(Lease, AHolderThatLostItsFolderEndsItself) {
  const test::TemporaryFolder folder;
  const pid_t pid = ::fork();
  if (pid == 0) {
    const Lease lease(folder.path());
    std::ofstream(folder.path() / "run.lock") << foreign_note(0);
    std::this_thread::sleep_for(std::chrono::seconds(30));
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 3);
}

TEST(RankLock, TheNextJobWaitsForRanksThatOutliveTheirs) {
  const test::TemporaryFolder folder;
  std::optional<RankLock> one(folder.path());
  std::optional<RankLock> other(folder.path());  // ranks do not exclude each other
  std::atomic<bool> has_ended = false;
  const std::jthread end([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(700));
    has_ended = true;
    one.reset();
    other.reset();
  });
  wait_for_ranks(folder.path());
  EXPECT_TRUE(has_ended);
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
