#include "base/event_log.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "base/errors.h"
#include "base/files.h"
#include "support/temporary_folder.h"

namespace saesweep {
namespace {

std::vector<std::string> lines_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

TEST(EventLog, EachLineIsAnObjectWithWhatAllLinesShare) {
  const test::TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "logs" / "rank-0.jsonl";
  const EventLog log(path, {{"rank", 3}});
  log.write("unit", {{"cells", {"a", "b"}}});
  log.write("text", {{"reason", "torn \xff byte\nand a line"}});
  const auto lines = lines_of(path);
  ASSERT_EQ(lines.size(), 2U);
  const Json first = Json::parse(lines[0]);
  EXPECT_EQ(first["event"], "unit");
  EXPECT_EQ(first["rank"], 3);
  EXPECT_EQ(first["cells"], Json({"a", "b"}));
  EXPECT_GE(first["clock"], 0);
  EXPECT_EQ(first["time"].get<std::string>().size(), std::string("2026-01-31T12:00:00.123Z").size());
  EXPECT_TRUE(Json::accept(lines[1]));
}

TEST(EventLog, ALineThatAKillCutShortSpoilsNoOther) {
  const test::TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "rank-0.jsonl";
  std::ofstream(path) << "{\"event\": \"start\"}\n{\"event\": \"cu";
  EventLog(path, Json::object()).write("next");
  const auto lines = lines_of(path);
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_FALSE(Json::accept(lines[1]));
  EXPECT_EQ(Json::parse(lines[2])["event"], "next");
}

TEST(EventLog, LinesOfSeveralThreadsDoNotMix) {
  const test::TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "rank-0.jsonl";
  const EventLog log(path, Json::object());
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([log] {
        for (int n = 0; n < 100; ++n) log.write("event", {{"text", std::string(300, 'x')}});
      });
    }
  }
  const auto lines = lines_of(path);
  EXPECT_EQ(lines.size(), 400U);
  for (const auto& line : lines) EXPECT_TRUE(Json::accept(line));
}

TEST(EventLog, AFolderThatCannotBeMadeIsRefused) {
  const test::TemporaryFolder folder;
  write_file(folder.path() / "file", "");
  EXPECT_THROW(EventLog(folder.path() / "file" / "rank-0.jsonl", {}), OutputError);
}

}  // namespace
}  // namespace saesweep
