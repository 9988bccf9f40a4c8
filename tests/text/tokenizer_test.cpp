#include "text/tokenizer.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/errors.h"
#include "base/hash.h"
#include "base/random.h"
#include "support/temporary_folder.h"
#include "text/nfc.h"
#include "text/sample_tokenizer.h"

namespace saesweep::text {
namespace {

using Ids = std::vector<uint32_t>;

class TokenizerTest : public testing::Test {
 protected:
  Tokenizer load(const Json& json = test::sample_tokenizer()) {
    return Tokenizer::load(test::write_tokenizer(folder_.path(), json));
  }

  //! The message with which a tokenizer.json is refused.
  std::string refusal(const Json& json) {
    try {
      load(json);
    } catch (const TextError& error) {
      return error.what();
    }
    return "accepted";
  }

  test::TemporaryFolder folder_;
};

TEST_F(TokenizerTest, MergesByRankThenLeftmost) {
  const auto tokenizer = load();
  EXPECT_EQ(tokenizer.encode("hello hello"), (Ids{259, 260}));
  EXPECT_EQ(tokenizer.encode("helllo"), (Ids{258, 'l', 'o'}));
  EXPECT_EQ(tokenizer.encode("lllhe"), (Ids{257, 'l', 256}));
}

TEST_F(TokenizerTest, CutsWordsAsGpt2) {
  // "hello" and " hello" are one token each only where they are one word.
  EXPECT_EQ(load().encode("  hello"), (Ids{' ', 260}));
  EXPECT_EQ(load().encode("xhello'shello"), (Ids{'x', 259, '\'', 's', 259}));
}

TEST_F(TokenizerTest, ReadsMergesAsPairsAndAsStrings) {
  Json json = test::sample_tokenizer();
  Json pairs = Json::array();
  for (const Json& merge : json["model"]["merges"]) {
    const auto text = merge.get<std::string>();
    pairs.push_back({text.substr(0, text.find(' ')), text.substr(text.find(' ') + 1)});
  }
  json["model"]["merges"] = pairs;
  EXPECT_EQ(load(json).encode("hello hello"), (Ids{259, 260}));
}

TEST_F(TokenizerTest, NormalizesToFormC) {
  const auto composed = load().encode("\u00e9");
  EXPECT_EQ(composed, (Ids{0xC3, 0xA9}));
  EXPECT_EQ(load().encode("e\u0301"), composed);
  Json json = test::sample_tokenizer();
  json["normalizer"] = nullptr;
  EXPECT_EQ(load(json).encode("e\u0301"), (Ids{'e', 0xCC, 0x81}));
}

TEST_F(TokenizerTest, FindsAddedTokensInTheText) {
  EXPECT_EQ(load().encode("a<|endoftext|>b"), (Ids{'a', 261, 'b'}));
  EXPECT_EQ(load().end_of_text(), 261u);
  EXPECT_EQ(load().vocab_size(), 262u);
}

TEST_F(TokenizerTest, PutsThePrefixSpaceBeforeEachPart) {
  Json json = test::sample_tokenizer();
  json["pre_tokenizer"]["add_prefix_space"] = true;
  EXPECT_EQ(load(json).encode("hello<|endoftext|>hello"), (Ids{260, 261, 260}));
}

TEST_F(TokenizerTest, DecodeGivesTheBytesBack) {
  const auto tokenizer = load();
  const std::string text = "hello <|endoftext|>\n\t\u00e9\u6f22\U0001F600 '\x01\x7f";
  EXPECT_EQ(tokenizer.decode(tokenizer.encode(text)), text);
  EXPECT_THROW(tokenizer.decode(Ids{262}), TextError);
}

//! Text of drawn code points of all planes, many of them marks, spaces and ASCII.
std::string drawn_text(const Stream& stream, uint64_t& at) {
  constexpr std::pair<uint32_t, uint32_t> kKinds[] = {{0x0, 0xD7FF},    {0xE000, 0x10FFFF}, {0x20, 0x7E},
                                                      {0x300, 0x36F},   {0x9, 0x20},        {0x1100, 0x11FF},
                                                      {0xAC00, 0xD7A3}, {0xF900, 0xFAFF},   {0x1F300, 0x1FAFF}};
  std::string text;
  for (uint64_t n = stream.bits(at++) % 40; n > 0; --n) {
    const auto [first, last] = kKinds[stream.bits(at++) % std::size(kKinds)];
    append_utf8(static_cast<uint32_t>(first + stream.bits(at++) % (last - first + 1)), text);
  }
  return text;
}

TEST_F(TokenizerTest, DecodeGivesDrawnTextBackInFormC) {
  const std::vector<Tokenizer> tokenizers = {load(), Tokenizer::load("models/tiny/tokenizer.json")};
  const Stream stream{std::string("drawn text")};
  std::string scratch;
  uint64_t at = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::string text = drawn_text(stream, at);
    for (const Tokenizer& tokenizer : tokenizers) {
      ASSERT_EQ(tokenizer.decode(tokenizer.encode(text)), nfc(text, scratch)) << text;
    }
  }
}

TEST_F(TokenizerTest, AMegabyteWordTakesNoQuadraticTime) {
  // 2^20 letters: a quadratic merge would take hours.
  const auto tokenizer = load();
  EXPECT_EQ(tokenizer.encode(std::string(1 << 20, 'l')), Ids(1 << 19, 257));
  EXPECT_EQ(tokenizer.encode(std::string(1 << 20, ' ')), Ids(1 << 20, ' '));
}

TEST_F(TokenizerTest, LongWordsMergeAsShortOnes) {
  // Words of many lengths on both sides of the change of algorithm.
  const auto tokenizer = load();
  for (size_t n = 1; n < 40; ++n) {
    std::string word;
    for (size_t i = 0; i < n; ++i) word += "hello";
    EXPECT_EQ(tokenizer.encode(word), Ids(n, 259)) << n;
  }
}

TEST_F(TokenizerTest, ThreadsGetTheSameIds) {
  const auto tokenizer = load();
  std::string text;
  for (int i = 0; i < 2000; ++i) text += "hello w" + std::to_string(i) + " \u00e9\u0301";
  const Ids expected = tokenizer.encode(text);
  std::vector<Ids> found(4);
  std::vector<std::jthread> threads;
  for (auto& ids : found) threads.emplace_back([&] { ids = tokenizer.encode(text); });
  threads.clear();
  for (const auto& ids : found) EXPECT_EQ(ids, expected);
}

TEST_F(TokenizerTest, HashIsThatOfTheFile) {
  const auto tokenizer = load();
  EXPECT_EQ(tokenizer.hash(), hex(sha256(read_file(folder_.path() / "tokenizer.json"))));
}

TEST_F(TokenizerTest, RefusesTextThatIsNotUtf8) {
  EXPECT_THROW(load().encode("a\xff"), TextError);
  EXPECT_THROW(load().encode("\xed\xa0\x80"), TextError);  // a surrogate
}

TEST_F(TokenizerTest, NamesAMissingEndOfText) {
  Json json = test::sample_tokenizer();
  json.erase("added_tokens");
  try {
    load(json).end_of_text();
    FAIL();
  } catch (const TextError& error) {
    EXPECT_NE(std::string(error.what()).find("tokenizer.json"), std::string::npos);
  }
}

TEST_F(TokenizerTest, RefusesOtherKindsByName) {
  const std::vector<std::pair<Json, std::string>> patches = {
      {{{"model", {{"type", "WordPiece"}}}}, "WordPiece"},
      {{{"model", {{"type", "Unigram"}}}}, "Unigram"},
      {{{"model", {{"byte_fallback", true}}}}, "byte_fallback"},
      {{{"model", {{"ignore_merges", true}}}}, "ignore_merges"},
      {{{"model", {{"dropout", 0.1}}}}, "dropout"},
      {{{"model", {{"merges", {"h zz"}}}}}, "\"zz\""},
      {{{"normalizer", {{"type", "BertNormalizer"}}}}, "BertNormalizer"},
      {{{"pre_tokenizer", {{"type", "Metaspace"}}}}, "Metaspace"},
      {{{"pre_tokenizer", {{"type", "Sequence"}, {"pretokenizers", {{{"type", "Digits"}}}}}}}, "Digits"},
      {{{"added_tokens", {{{"id", 5}, {"content", "hello"}}}}}, "\"hello\" has id 5"},
      {{{"model", nullptr}}, "model"},
  };
  for (const auto& [patch, name] : patches) {
    Json json = test::sample_tokenizer();
    json.merge_patch(patch);
    const std::string message = refusal(json);
    EXPECT_NE(message.find("tokenizer.json"), std::string::npos) << message;
    EXPECT_NE(message.find(name), std::string::npos) << message;
  }
}

TEST_F(TokenizerTest, RefusesWhatIsNoTokenizerFile) {
  const auto path = folder_.path() / "broken.json";
  write_file(path, "{\"model\": ");
  EXPECT_THROW(Tokenizer::load(path), TextError);
  write_file(path, "[1]");
  EXPECT_THROW(Tokenizer::load(path), TextError);
  write_file(
      path, R"({"pre_tokenizer": {"type": "ByteLevel"}, "model": {"type": "BPE", "vocab": {"a": "x"}, "merges": []}})");
  EXPECT_THROW(Tokenizer::load(path), TextError);
  EXPECT_THROW(Tokenizer::load(folder_.path() / "none.json"), TextError);
}

}  // namespace
}  // namespace saesweep::text
