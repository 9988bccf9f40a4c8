#include "base/files.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>

#include "base/errors.h"
#include "base/hash.h"

namespace saesweep {
namespace {

class Files : public testing::Test {
 protected:
  Files() {
    std::string name = (std::filesystem::temp_directory_path() / "saesweep.XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~Files() override { std::filesystem::remove_all(folder_); }
  std::filesystem::path folder_;
};

TEST_F(Files, AtomicFileLeavesNothingWhenItIsNotCommitted) {
  { AtomicFile(folder_ / "a").write("half"); }
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(Files, AtomicFileReplacesTheOldFileWhole) {
  write_file(folder_ / "sub/a", "old");
  AtomicFile file(folder_ / "sub/a");
  file.write("new and longer");
  EXPECT_EQ(read_file(folder_ / "sub/a"), "old");
  file.commit();
  EXPECT_EQ(read_file(folder_ / "sub/a"), "new and longer");
}

TEST_F(Files, MappedFileShowsTheBytesAndRefusesWhatIsNoFile) {
  write_file(folder_ / "a", "abc");
  const MappedFile file(folder_ / "a");
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()), "abc");
  EXPECT_THROW(MappedFile(folder_ / "missing"), InputError);
  EXPECT_THROW(MappedFile{folder_}, InputError);
  write_file(folder_ / "empty", "");
  EXPECT_TRUE(MappedFile(folder_ / "empty").bytes().empty());
}

//! Bytes of mapped files in this process's memory.
int64_t resident_file_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssFile:")) return std::stoll(line.substr(8)) * 1024;
  }
  return -1;
}

TEST_F(Files, ReleasedPagesLeaveMemoryAndAreReadAgain) {
  constexpr int64_t kBytes = 16 << 20;
  write_file(folder_ / "a", std::string(kBytes, 'x'));
  const MappedFile file(folder_ / "a");
  const auto n_x = [&] { return std::count(file.bytes().begin(), file.bytes().end(), std::byte{'x'}); };
  const int64_t before = resident_file_bytes();
  EXPECT_EQ(n_x(), kBytes);
  EXPECT_GT(resident_file_bytes() - before, kBytes / 2);
  file.release(file.bytes());
  EXPECT_LT(resident_file_bytes() - before, kBytes / 2);
  file.release(file.bytes().subspan(5000, 3));
  file.release({});
  EXPECT_EQ(n_x(), kBytes);
}

TEST_F(Files, UnreadableFilesAreNamed) {
  try {
    read_file(folder_ / "missing");
    FAIL();
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find("missing"), std::string::npos);
  }
}

TEST_F(Files, FreeBytesOfAFolderThatIsNotThereYetAreItsParents) {
  EXPECT_GT(free_bytes(folder_ / "not/yet"), 0u);
}

TEST(Sha256, AgreesWithPublishedVectors) {
  EXPECT_EQ(hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(sha256(""), 4), "e3b0c442");
  EXPECT_EQ(leading_number(sha256("abc")), 0xba7816bf8f01cfeaULL);
  EXPECT_EQ(Sha256().update("a").update("bc").finish(), sha256("abc"));
}

}  // namespace
}  // namespace saesweep
