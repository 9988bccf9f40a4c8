#include "text/stream_encoder.h"

#include <gtest/gtest.h>

#include "base/files.h"
#include "base/utf8.h"
#include "support/temporary_folder.h"
#include "text/sample_tokenizer.h"

namespace saesweep::text {
namespace {

//! The ids of a text that comes in pieces of n_bytes, encoded as soon as may be.
std::vector<uint32_t> in_pieces(const Tokenizer& tokenizer, std::string_view text, size_t n_bytes, size_t* n_calls) {
  std::vector<uint32_t> ids;
  StreamEncoder encoder(
      tokenizer,
      [&](std::span<const uint32_t> found) {
        ids.insert(ids.end(), found.begin(), found.end());
        ++*n_calls;
      },
      1);
  while (!text.empty()) {
    size_t n = whole_sequences(text.substr(0, n_bytes));
    if (n == 0) n = std::min<size_t>(text.size(), 4);
    encoder.add(text.substr(0, n));
    text.remove_prefix(n);
  }
  encoder.end();
  return ids;
}

TEST(StreamEncoder, GivesTheIdsOfTheWholeHoweverTheTextIsCut) {
  const std::filesystem::path tokenizer_path = "models/tiny/tokenizer.json", text_path = "docs/design.md";
  const Tokenizer tokenizer = Tokenizer::load(tokenizer_path);
  const std::string text = read_file(text_path) +
                           "  e\u0301 x\n \n\n  a  \t'll don't 'tis 12 34\u00a0b\u3000c <|endoftext|> d<|endoftext|>\n";
  const std::vector<uint32_t> whole = tokenizer.encode(text);
  for (const size_t n_bytes : {4, 5, 7, 64, 1000}) {
    size_t n_calls = 0;
    EXPECT_EQ(in_pieces(tokenizer, text, n_bytes, &n_calls), whole) << n_bytes;
    EXPECT_GT(n_calls, text.size() / (n_bytes + 100)) << "hardly cut";
  }
}

TEST(StreamEncoder, HoldsTextWithoutAPlaceToCutAndGoesOnBehindIt) {
  const Tokenizer tokenizer = Tokenizer::load("models/tiny/tokenizer.json");
  const std::string text = std::string(5000, 'x') + "\u3000 y" + std::string(3000, '\n') + " 漢字。 z";
  size_t n_calls = 0;
  EXPECT_EQ(in_pieces(tokenizer, text, 7, &n_calls), tokenizer.encode(text));
}

class CutTest : public testing::Test {
 protected:
  size_t last_cut(const Json& tokenizer, std::string_view text) const {
    return Tokenizer::load(test::write_tokenizer(folder_.path(), tokenizer)).last_cut(text);
  }

  test::TemporaryFolder folder_;
};

TEST_F(CutTest, IsBeforeTheFirstOfSomeWhiteSpace) {
  const Json json = test::sample_tokenizer();
  EXPECT_EQ(last_cut(json, "ab cd  "), 5u);
  EXPECT_EQ(last_cut(json, "ab cd.  x"), 6u);
  EXPECT_EQ(last_cut(json, "ab\ncd"), 2u);
  EXPECT_EQ(last_cut(json, "漢字。 漢"), 9u);
  EXPECT_EQ(last_cut(json, "\u3000 a"), 0u);
  EXPECT_EQ(last_cut(json, "\u00a0\n a\tb"), 0u);
  EXPECT_EQ(last_cut(json, " "), 0u);
  EXPECT_EQ(last_cut(json, ""), 0u);
}

TEST_F(CutTest, IsNowhereThatATokenMaySpan) {
  Json json = test::sample_tokenizer();
  json["added_tokens"][0]["content"] = "end of";
  EXPECT_EQ(last_cut(json, "ab cd e"), 0u);
  json = test::sample_tokenizer();
  json["added_tokens"][0]["content"] = "   ";
  EXPECT_EQ(last_cut(json, "ab cd e"), 5u);
  json["added_tokens"][0]["content"] = "end";
  json["added_tokens"][0]["rstrip"] = true;
  EXPECT_EQ(last_cut(json, "ab cd e"), 0u);
  json = test::sample_tokenizer();
  json["pre_tokenizer"]["use_regex"] = false;
  EXPECT_EQ(last_cut(json, "ab cd e"), 0u);
  json = test::sample_tokenizer();
  json["pre_tokenizer"]["add_prefix_space"] = true;
  EXPECT_EQ(last_cut(json, "ab cd\ne"), 2u);
}

}  // namespace
}  // namespace saesweep::text
