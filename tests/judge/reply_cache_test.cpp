#include "judge/reply_cache.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>

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
  ReplyCache open(const fs::path& folder, int rank, const std::vector<fs::path>& others = {}) const {
    return {folder, others, rank, Log()};
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

TEST_F(ReplyCacheTest, ADamagedFileIsMovedAsideAndNeverInTheWay) {
  write_file(folder_.path() / "replies-0.sqlite", std::string(5000, 'x'));
  write_file(folder_.path() / "replies-3.sqlite", "SQLite format 3 and then nothing");
  {
    ReplyCache cache = open(folder_.path(), 0);
    cache.put(key_of(1), reply_of(1));
  }
  EXPECT_EQ(open(folder_.path(), 0).find(key_of(1)), reply_of(1));
  int n_files = 0;
  for ([[maybe_unused]] const auto& file : fs::directory_iterator(folder_.path())) ++n_files;
  EXPECT_GE(n_files, 3) << "what was damaged is kept aside";
}

TEST_F(ReplyCacheTest, WhatWasFlushedOutlivesAKill) {
  for (int round = 0; round < 5; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ReplyCache cache = open(folder_.path(), 0);
      for (int i = round * 100'000;; ++i) {
        cache.put(key_of(i), reply_of(i));
        if (i % 50 != 49) continue;
        cache.flush();
        if (::write(ends[1], &i, sizeof i) != sizeof i) ::_exit(1);
      }
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100 + 37 * round));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    ::close(ends[1]);
    int last = -1;
    for (int i = 0; ::read(ends[0], &i, sizeof i) == sizeof i;) last = i;
    ::close(ends[0]);
    ASSERT_GE(last, 0);
    ReplyCache cache = open(folder_.path(), 0);
    for (int i = round * 100'000; i <= last; ++i) ASSERT_EQ(cache.find(key_of(i)), reply_of(i));
  }
}

}  // namespace
}  // namespace saesweep::judge
