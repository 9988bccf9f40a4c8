#include "base/files.h"

#include <gtest/gtest.h>
#include <unistd.h>

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
