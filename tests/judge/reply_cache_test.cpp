#include "judge/reply_cache.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <thread>

#include "base/errors.h"
#include "base/files.h"
#include "support/temporary_folder.h"

namespace saesweep::judge {
namespace {

namespace fs = std::filesystem;

Reply reply_of(int i) {
  return {.text = "reply " + std::to_string(i),
          .tokens = {{"a", {{"a", -0.1 * i}, {"b", -1.0 / 3}}}, {"\xC3\xA9", {}}},
          .n_prompt_tokens = i,
          .n_reply_tokens = 2};
}

CacheKey key_of(int i) {
  return cache_key("body " + std::to_string(i));
}

class ReplyCacheTest : public testing::Test {
 protected:
  ReplyCache open(const fs::path& folder, int rank, const std::vector<fs::path>& others = {},
                  const Log& log = {}) const {
    return {folder, others, rank, log};
  }
  fs::path file(int rank = 0) const { return folder_.path() / ("replies-" + std::to_string(rank) + ".sqlite"); }
  int n_damaged() const {
    int n = 0;
    for (const auto& entry : fs::directory_iterator(folder_.path())) {
      const std::string name = entry.path().string();
      n += name.find(".damaged-") != std::string::npos && !name.ends_with("-journal");
    }
    return n;
  }
  saesweep::test::TemporaryFolder folder_;
};

TEST_F(ReplyCacheTest, GivesBackTheBitsItWasGivenToAnyRankOfALaterRun) {
  {
    ReplyCache cache = open(folder_.path(), 0);
    EXPECT_FALSE(cache.find(key_of(1)));
    for (int i = 0; i < 200; ++i) cache.put(key_of(i), reply_of(i));
    EXPECT_EQ(cache.find(key_of(7)), reply_of(7)) << "at once";
    EXPECT_EQ(cache.n_older(), 0u);
  }
  for (const int rank : {0, 1, 5}) {
    ReplyCache cache = open(folder_.path(), rank);
    EXPECT_EQ(cache.n_older(), 200u);
    for (int i = 0; i < 200; ++i) EXPECT_EQ(cache.find(key_of(i)), reply_of(i));
    EXPECT_FALSE(cache.find(key_of(200)));
  }
}

TEST_F(ReplyCacheTest, ReadsTheFoldersOfOtherShards) {
  { open(folder_.path() / "0-of-2", 0).put(key_of(1), reply_of(1)); }
  ReplyCache cache = open(folder_.path() / "1-of-2", 0, {folder_.path() / "0-of-2", folder_.path() / "missing"});
  EXPECT_EQ(cache.find(key_of(1)), reply_of(1));
}

TEST_F(ReplyCacheTest, MovesADamagedFileAsideAndWarns) {
  for (const std::string damage : {"text", "short", "version"}) {
    open(folder_.path(), 0).put(key_of(0), reply_of(0));
    if (damage == "text") write_file(file(), std::string(20'000, 'x'));
    if (damage == "short") std::filesystem::resize_file(file(), 4096);
    if (damage == "version") {
      std::fstream bytes(file(), std::ios::in | std::ios::out | std::ios::binary);
      bytes.seekp(63);  // the last byte of user_version, in SQLite's file format
      bytes.put(9);
    }
    const int n_before = n_damaged();
    testing::internal::CaptureStderr();
    {
      ReplyCache cache = open(folder_.path(), 0, {}, Log::to_stderr());
      EXPECT_FALSE(cache.find(key_of(0))) << damage;
      cache.put(key_of(1), reply_of(1));
    }
    EXPECT_NE(testing::internal::GetCapturedStderr().find("moved aside"), std::string::npos) << damage;
    EXPECT_EQ(n_damaged(), n_before + 1) << damage;
    EXPECT_EQ(open(folder_.path(), 0).find(key_of(1)), reply_of(1)) << damage;
  }
}

TEST_F(ReplyCacheTest, PassesOverADamagedFileOfAnotherRank) {
  open(folder_.path(), 0).put(key_of(0), reply_of(0));
  write_file(file(1), std::string(20'000, 'x'));
  testing::internal::CaptureStderr();
  EXPECT_TRUE(open(folder_.path(), 2, {}, Log::to_stderr()).find(key_of(0)));
  EXPECT_NE(testing::internal::GetCapturedStderr().find("its replies are not used"), std::string::npos);
  EXPECT_EQ(read_file(file(1)), std::string(20'000, 'x'));
}

TEST_F(ReplyCacheTest, IsReadWhileAnotherRankWrites) {
  ReplyCache writer = open(folder_.path(), 0);
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 70; ++i) writer.put(key_of(100 * round + i), reply_of(i));
    ReplyCache reader = open(folder_.path(), 1);
    if (round > 0) {
      writer.flush();
      EXPECT_TRUE(open(folder_.path(), 2).find(key_of(0)));
    }
  }
}

TEST_F(ReplyCacheTest, KeepsTheFirstReplyToARequest) {
  {
    ReplyCache cache = open(folder_.path(), 0);
    cache.put(key_of(0), reply_of(0));
    cache.put(key_of(0), reply_of(1));
    EXPECT_EQ(cache.find(key_of(0)), reply_of(0));
    cache.flush();
    cache.put(key_of(0), reply_of(2));
  }
  EXPECT_EQ(open(folder_.path(), 0).find(key_of(0)), reply_of(0));
}

TEST_F(ReplyCacheTest, WhatWasFlushedOutlivesAKill) {
  int n_kept = 0;
  for (int round = 0; round < 8; ++round) {
    int told[2];
    ASSERT_EQ(::pipe(told), 0);
    const pid_t process = ::fork();
    ASSERT_GE(process, 0);
    if (process == 0) {
      ReplyCache cache = open(folder_.path(), 0);
      for (int i = n_kept;; ++i) {
        cache.put(key_of(i), reply_of(i));
        if ((i - n_kept) % 50 != 49) continue;
        cache.flush();
        if (::write(told[1], &i, sizeof(i)) != sizeof(i)) ::_exit(1);
      }
    }
    int last = 0;
    for (int n_flushed = 0; n_flushed <= round; ++n_flushed)
      ASSERT_EQ(::read(told[0], &last, sizeof(last)), sizeof(last));
    std::this_thread::sleep_for(std::chrono::microseconds(137 * round));
    ::kill(process, SIGKILL);
    ::waitpid(process, nullptr, 0);
    ::close(told[0]);
    ::close(told[1]);
    ReplyCache cache = open(folder_.path(), 0);
    for (int i = 0; i <= last; ++i) ASSERT_EQ(cache.find(key_of(i)), reply_of(i)) << "round " << round;
    n_kept = last + 1;
  }
  EXPECT_EQ(n_damaged(), 0);
}

TEST_F(ReplyCacheTest, StopsWhereTheDiskIsFullAndKeepsWhatWasThere) {
  open(folder_.path(), 0).put(key_of(0), reply_of(0));
  const pid_t process = ::fork();
  if (process == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{100'000, 100'000};  // larger files fail to be written, as on a full disk
    ::setrlimit(RLIMIT_FSIZE, &limit);
    int code = 0;
    try {
      ReplyCache cache = open(folder_.path(), 0);
      for (int i = 1; i < 10'000; ++i) {
        cache.put(key_of(i), reply_of(i));
        if (i % 100 == 0) cache.flush();
      }
    } catch (const StoppedError&) {
      code = 42;
    }
    ::_exit(code);
  }
  int status = 0;
  ::waitpid(process, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 42);
  EXPECT_EQ(open(folder_.path(), 0).find(key_of(0)), reply_of(0));
  EXPECT_EQ(open(folder_.path(), 0).find(key_of(100)), reply_of(100));
}

TEST_F(ReplyCacheTest, NeedsAFolderThatCanBeWritten) {
  write_file(folder_.path() / "file", "");
  EXPECT_THROW(open(folder_.path() / "file", 0), OutputError);
}

}  // namespace
}  // namespace saesweep::judge
