#include "toy/embeddings.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <string>

#include "base/errors.h"
#include "base/files.h"
#include "support/temporary_folder.h"

namespace saesweep::toy {
namespace {

class Glove : public testing::Test {
 protected:
  std::string write(const std::string& text) {
    const auto path = folder_.path() / "small.3d.txt";
    write_file(path, text);
    return path;
  }
  std::string error_of(const std::string& text) {
    try {
      read_embeddings(write(text));
    } catch (const TextError& error) {
      return error.what();
    }
    return "accepted";
  }

  test::TemporaryFolder folder_;
};

TEST_F(Glove, ReadsWordsAndNumbers) {
  const Embeddings found = read_embeddings(write("the 0.5 -1 2e-1\n, 3 4 5\r\n"));
  EXPECT_EQ(found.name, "small.3d");
  ASSERT_EQ(found.rows.size(0), 2);
  ASSERT_EQ(found.rows.size(1), 3);
  EXPECT_FLOAT_EQ(found.rows[0][2].item<float>(), 0.2F);
  EXPECT_FLOAT_EQ(found.rows[1][2].item<float>(), 5);
}

TEST_F(Glove, NamesTheLineOfAWrongNumber) {
  EXPECT_NE(error_of("a 1 2 3\nb 1 x 3\n").find("small.3d.txt:2: found 'x' as number 2"), std::string::npos);
  EXPECT_NE(error_of("a 1 2 3\nb 1 nan 3\n").find("small.3d.txt:2: found 'nan'"), std::string::npos);
}

TEST_F(Glove, OfAFileThatIsNoTextTheMessageIsOneReadableLine) {
  const std::string said = error_of(std::string("a \0\x01\xff", 5) + std::string(1000, 'x') + "\n");
  EXPECT_NE(said.find("small.3d.txt:1: found '??\uFFFDxxx"), std::string::npos) << said;
  EXPECT_NE(said.find("xxx...' as number 1, expected a word"), std::string::npos) << said;
  EXPECT_LT(said.size(), 300);
}

TEST_F(Glove, NamesTheLineOfAnotherLength) {
  EXPECT_NE(error_of("a 1 2 3\nb 1 2\n").find("small.3d.txt:2: found 2 numbers after the word, expected 3"),
            std::string::npos);
  EXPECT_NE(error_of("alone\n").find("small.3d.txt:1: found 0 numbers"), std::string::npos);
  EXPECT_NE(error_of("").find("is empty"), std::string::npos);
}

TEST_F(Glove, AMissingFileIsNoCheckpointEither) {
  EXPECT_THROW(read_embeddings((folder_.path() / "none").string()), InputError);
}

TEST_F(Glove, AMissingFileOfATextsNameIsAskedOfNoHub) {
  for (const char* name : {"glove/small.3d.txt", "glove.txt.gz"}) {
    EXPECT_THROW(read_embeddings(name), TextError) << name;
  }
}

}  // namespace
}  // namespace saesweep::toy
