#include "text/corpus.h"

#include <gtest/gtest.h>

#include "base/errors.h"
#include "base/files.h"
#include "support/temporary_folder.h"

namespace saesweep::text {
namespace {

namespace fs = std::filesystem;

class CorpusTest : public testing::Test {
 protected:
  CorpusTest() {
    for (const char* name : {"a.txt", "b.pod", "sub/c.txt", "sub/a.txt", ".hidden/d.txt"}) {
      write_file(folder_.path() / name, std::string("text of ") + name);
    }
  }

  std::string at(const std::string& name) const { return (folder_.path() / name).string(); }

  //! Paths below the folder.
  std::vector<std::string> names(const Corpus& corpus, Split split) const {
    std::vector<std::string> found;
    for (const auto& path : corpus.files(split)) found.push_back(path.lexically_relative(fs::absolute(folder_.path())));
    return found;
  }

  //! The message with which options are refused, by Corpus or by reading it.
  std::string refusal(const TextOptions& options) const {
    try {
      summarize(Corpus(options), options.read);
    } catch (const TextError& error) {
      return error.what();
    }
    return "accepted";
  }

  test::TemporaryFolder folder_;
};

using Names = std::vector<std::string>;

TEST_F(CorpusTest, ListsFilesFoldersGlobsAndListsSortedAndOnce) {
  TextOptions options;
  options.train = {at("sub"), at("*.txt"), at("sub/../a.txt")};
  EXPECT_EQ(names(Corpus(options), Split::kTrain), (Names{"a.txt", "sub/a.txt", "sub/c.txt"}));
  write_file(at("files.list"), "# comment\n\n  " + at("b.pod") + "  \r\n" + at("sub/c*") + "\n");
  options.train = {"@" + at("files.list")};
  EXPECT_EQ(names(Corpus(options), Split::kTrain), (Names{"b.pod", "sub/c.txt"}));
}

TEST_F(CorpusTest, FoldersLeaveOutHiddenFiles) {
  TextOptions options;
  options.train = {folder_.path().string()};
  EXPECT_EQ(names(Corpus(options), Split::kTrain), (Names{"a.txt", "b.pod", "sub/a.txt", "sub/c.txt"}));
}

TEST_F(CorpusTest, ExcludesByPathByNameAndByPattern) {
  TextOptions options;
  options.train = {folder_.path().string()};
  options.exclude = {at("a.txt")};
  EXPECT_EQ(names(Corpus(options), Split::kTrain), (Names{"b.pod", "sub/a.txt", "sub/c.txt"}));
  options.exclude = {"a.txt"};
  EXPECT_EQ(names(Corpus(options), Split::kTrain), (Names{"b.pod", "sub/c.txt"}));
  options.exclude = {"*.txt"};
  EXPECT_EQ(names(Corpus(options), Split::kTrain), (Names{"b.pod"}));
  options.exclude = {at("sub"), "*.nothing"};
  EXPECT_EQ(names(Corpus(options), Split::kTrain), (Names{"a.txt", "b.pod"}));
}

TEST_F(CorpusTest, AMisspeltExcludeIsAnError) {
  TextOptions options;
  options.train = {folder_.path().string()};
  options.exclude = {"b.pot"};
  EXPECT_NE(refusal(options).find("nearest is b.pod"), std::string::npos) << refusal(options);
}

TEST_F(CorpusTest, NamesWhatIsNotThere) {
  TextOptions options;
  for (const std::string& entry : {at("none.txt"), at("*.none"), "@" + at("none.list")}) {
    options.train = {entry};
    const std::string message = refusal(options);
    EXPECT_NE(message.find("none"), std::string::npos) << message;
    EXPECT_NE(message.find("[text] train"), std::string::npos) << message;
  }
  write_file(at("files.list"), "# one\n" + at("none.txt") + "\n");
  options.train = {"@" + at("files.list")};
  EXPECT_NE(refusal(options).find("files.list:2"), std::string::npos) << refusal(options);
}

TEST_F(CorpusTest, AFileInTrainAndHeldOutIsAnErrorUntilItIsExcluded) {
  fs::create_symlink(at("b.pod"), at("link.pod"));
  TextOptions options;
  options.train = {at("a.txt"), at("b.pod")};
  options.held_out = {at("link.pod")};
  const std::string message = refusal(options);
  EXPECT_NE(message.find("link.pod"), std::string::npos) << message;
  EXPECT_NE(message.find("exclude"), std::string::npos) << message;
  options.exclude = options.held_out;
  const Corpus corpus(options);
  EXPECT_EQ(names(corpus, Split::kTrain), (Names{"a.txt"}));
  EXPECT_EQ(names(corpus, Split::kHeldOut), (Names{"link.pod"}));
}

TEST_F(CorpusTest, NothingLeftToTrainOnIsAnError) {
  TextOptions options;
  options.train = {at("b.pod")};
  options.exclude = {"b.pod"};
  EXPECT_NE(refusal(options).find("no file is left"), std::string::npos) << refusal(options);
}

TEST_F(CorpusTest, EmptyFilesAreAnError) {
  write_file(at("empty.txt"), "");
  TextOptions options;
  options.train = {at("a.txt"), at("empty.txt")};
  EXPECT_NE(refusal(options).find("empty.txt: is empty"), std::string::npos) << refusal(options);
}

TEST_F(CorpusTest, SaysWhereAFileIsNotUtf8) {
  // Line 3 opens at byte 14; its bad byte stands at 17. Each sequence is one that RFC 3629 forbids.
  for (const char* bad : {"\xff", "\xc3(", "\xe2\x82", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\x80"}) {
    write_file(at("bad.txt"), std::string("line one\nl\xc3\xa9"
                                          "2\n 3 ") +
                                  bad);
    TextOptions options;
    options.train = {at("bad.txt")};
    const std::string message = refusal(options);
    EXPECT_NE(message.find("bad.txt"), std::string::npos) << message;
    EXPECT_NE(message.find("offset 17 (line 3)"), std::string::npos) << message;
  }
}

TEST_F(CorpusTest, AFractionPartsDocumentsByTheHashOfTheirText) {
  // SHA-256("abc") opens with ba7816bf = 0.7284 of the range, of "" it would be e3b0c442 = 0.8894 (FIPS 180-4).
  write_file(at("x/1.txt"), "abc");
  write_file(at("x/2.txt"), "abc");
  TextOptions options;
  options.train = {at("x")};
  const auto n_held_out = [&](double fraction) {
    options.held_out_fraction = fraction;
    return summarize(Corpus(options), options.read).held_out.n_documents;
  };
  EXPECT_EQ(n_held_out(0.72), 0u);
  EXPECT_EQ(n_held_out(0.73), 2u);
  EXPECT_EQ(summarize(Corpus(options), options.read).train.n_documents, 0u);
}

TEST_F(CorpusTest, TheHashOfATextIsThatOfItsDocumentsInOrder) {
  TextOptions options;
  options.train = {at("a.txt"), at("b.pod")};
  options.held_out = {at("sub/c.txt")};
  const TextSummary summary = summarize(Corpus(options), options.read);
  const auto raw = [](const std::string& text) {
    const Digest digest = sha256(text);
    return std::string(digest.begin(), digest.end());
  };
  EXPECT_EQ(summary.train.hash, hex(sha256(raw("text of a.txt") + raw("text of b.pod"))));
  EXPECT_EQ(summary.held_out.hash, hex(sha256(raw("text of sub/c.txt"))));
  EXPECT_EQ(summary.train.n_documents, 2u);
}

}  // namespace
}  // namespace saesweep::text
