#include "text/token_store.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "base/errors.h"
#include "support/temporary_folder.h"
#include "text/sample_tokenizer.h"
#include "text/store_build.h"
#include "text/text_stores.h"
#include "text/token_rows.h"

namespace saesweep::text {
namespace {

namespace fs = std::filesystem;

class TokenStoreTest : public testing::Test {
 protected:
  TokenStoreTest() : tokenizer_(Tokenizer::load(test::write_tokenizer(folder_.path()))) {}

  fs::path write(const std::vector<std::string>& texts, const std::string& name = "text.tokens") {
    const fs::path path = folder_.path() / name, lines = folder_.path() / "texts.jsonl";
    std::string json;
    for (const auto& text : texts) json += Json{{"text", text}}.dump() + "\n";
    write_file(lines, json);
    make_store(path, {lines}, tokenizer_);
    return path;
  }

  static std::vector<uint32_t> tokens(const TokenStore& store) {
    std::vector<uint32_t> found;
    for (uint64_t i = 0; i < store.n_tokens(); ++i) found.push_back(store.token(i));
    return found;
  }

  static TokenStream everything(const TokenStore& store) {
    return {store, [](const Digest&) { return true; }};
  }

  //! The message with which a file of these bytes is refused.
  std::string refusal(const std::string& bytes) {
    const fs::path path = folder_.path() / "changed.tokens";
    std::ofstream(path, std::ios::binary) << bytes;
    try {
      TokenStore::open(path).verify();
    } catch (const TextError& error) {
      return error.what();
    }
    return "accepted";
  }

  test::TemporaryFolder folder_;
  Tokenizer tokenizer_;
};

TEST_F(TokenStoreTest, KeepsDocumentsEachOpenedByTheEndOfTextToken) {
  const auto store = TokenStore::open(write({"hello", "a hello", "x"}));
  EXPECT_EQ(tokens(store), (std::vector<uint32_t>{261, 259, 261, 'a', 260, 261, 'x'}));
  ASSERT_EQ(store.documents().size(), 3u);
  EXPECT_EQ(store.documents()[1].first_token, 2u);
  EXPECT_EQ(store.documents()[2].first_token, 5u);
  EXPECT_EQ(store.tokenizer_hash(), tokenizer_.hash());
}

TEST_F(TokenStoreTest, WideVocabulariesTakeWideIds) {
  Json json = test::sample_tokenizer();
  json["model"]["vocab"]["wide"] = 70000;
  json["model"]["vocab"]["wi"] = 69998;
  json["model"]["vocab"]["de"] = 69999;
  json["model"]["merges"] = {"w i", "d e", "wi de"};
  tokenizer_ = Tokenizer::load(test::write_tokenizer(folder_.path(), json));
  EXPECT_EQ(tokens(TokenStore::open(write({"wide"}))), (std::vector<uint32_t>{261, 70000}));
}

TEST_F(TokenStoreTest, KeysAreThoseOfTheTextAndTellCopiesApart) {
  const auto store = TokenStore::open(write({"hello", "other", "hello"}));
  const auto key = [](const std::string& text, char n_before) {
    const Digest digest = sha256(text);
    return leading_number(sha256(std::string(digest.begin(), digest.end()) + n_before + std::string(7, '\0')));
  };
  EXPECT_EQ(store.documents()[0].key, key("hello", 0));
  EXPECT_EQ(store.documents()[1].key, key("other", 0));
  EXPECT_EQ(store.documents()[2].key, key("hello", 1));
}

TEST_F(TokenStoreTest, RefusesAFileCutAnywhere) {
  const std::string whole = read_file(write({"hello hello", "x"}));
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_NE(refusal(whole.substr(0, size)), "accepted") << size;
  }
  EXPECT_NE(refusal(whole.substr(0, whole.size() / 2)).find("cut short"), std::string::npos);
  EXPECT_EQ(refusal(whole), "accepted");
}

TEST_F(TokenStoreTest, RefusesAFileWithAnyBitChanged) {
  const std::string whole = read_file(write({"hello hello", "x"}));
  for (size_t i = 0; i < whole.size(); ++i) {
    std::string changed = whole;
    changed[i] ^= 1;
    EXPECT_NE(refusal(changed), "accepted") << i;
  }
}

TEST_F(TokenStoreTest, NamesAnotherVersion) {
  std::string bytes = read_file(write({"hello"}));
  bytes[8] = 9;
  EXPECT_NE(refusal(bytes).find("version 9"), std::string::npos) << refusal(bytes);
}

TEST_F(TokenStoreTest, IsNotThereBeforeCommitAndLeavesNothing) {
  const fs::path path = folder_.path() / "half.tokens", bad = folder_.path() / "bad.txt";
  write_file(bad, "good, then \xff");
  EXPECT_THROW(make_store(path, {bad}, tokenizer_), TextError);
  EXPECT_FALSE(fs::exists(path));
  for (const auto& entry : fs::directory_iterator(folder_.path())) {
    EXPECT_EQ(entry.path().filename().string().find("half.tokens"), std::string::npos) << entry.path();
  }
}

TEST_F(TokenStoreTest, ManyPartsGiveTheBytesOfOne) {
  // As parts of a file that are tokenized apart, in any order.
  const fs::path whole = write({"hello", "a hello", "hello", "x"}), lines = folder_.path() / "texts.jsonl";
  const uint64_t size = fs::file_size(lines);
  for (const uint64_t cut : {1u, 17u, 18u, 19u, 40u}) {
    const fs::path folder = make_build_folder(whole), path = folder_.path() / "parts.tokens";
    StoreBuild build(folder, tokenizer_, {}, {{{lines, 0, cut}}, {{lines, cut, size}}});
    std::vector<PartCounts> counts(2);
    for (const size_t part : {1, 0}) counts[part] = build.tokenize(part);
    build.lay_out(counts);
    build.create();
    for (const size_t part : {1, 0}) build.place(part);
    const std::string hash = build.write_documents();
    build.commit(path, hash, std::vector<Digest>{build.hash(0)});
    EXPECT_EQ(read_file(path), read_file(whole)) << cut;
    fs::remove_all(folder);
  }
}

TEST_F(TokenStoreTest, RowsOfIdsAreDocumentsWithoutAnEndOfTextToken) {
  const std::vector<uint16_t> ids = {1, 2, 261, 3, 4, 5};
  const fs::path rows = folder_.path() / "rows.bin", path = folder_.path() / "rows.tokens";
  write_file(rows, std::string_view(reinterpret_cast<const char*>(ids.data()), ids.size() * sizeof(uint16_t)));
  make_store(path, {rows}, tokenizer_, {.bin_row_tokens = 3});
  const auto store = TokenStore::open(path);
  EXPECT_EQ(tokens(store), (std::vector<uint32_t>{1, 2, 261, 3, 4, 5}));
  EXPECT_EQ(store.documents().size(), 2u);
  EXPECT_THROW(make_store(path, {rows}, tokenizer_, {.bin_row_tokens = 4}), TextError);
  write_file(rows, std::string("\x06\x01\x00\x00", 4));  // 262: one more than there are
  try {
    make_store(path, {rows}, tokenizer_, {.bin_row_tokens = 1});
    FAIL();
  } catch (const TextError& error) {
    EXPECT_NE(std::string(error.what()).find("id 262 in row 0"), std::string::npos) << error.what();
  }
}

TEST_F(TokenStoreTest, RowsCutTheStreamAndDropTheRest) {
  // Stream: E h i E y E z x (E: end of text).
  const auto store = TokenStore::open(write({"hi", "y", "zx"}));
  const TokenRows rows(everything(store), 3);
  EXPECT_EQ(rows.n_rows(), 2);
  std::vector<int64_t> ids(3);
  rows.ids(1, ids);
  EXPECT_EQ(ids, (std::vector<int64_t>{261, 'y', 261}));
}

TEST_F(TokenStoreTest, OriginsNameDocumentAndPlace) {
  const auto store = TokenStore::open(write({"hi", "y", "zxw"}));
  const auto documents = store.documents();
  std::vector<TokenOrigin> origins(4);
  const TokenRows rows(everything(store), 4);
  std::vector<std::pair<uint64_t, uint32_t>> found;
  for (int64_t row = 0; row < rows.n_rows(); ++row) {
    rows.origins(row, origins);
    for (const auto& origin : origins) found.emplace_back(origin.document, origin.position);
  }
  const uint64_t a = documents[0].key, b = documents[1].key, c = documents[2].key;
  EXPECT_EQ(found, (std::vector<std::pair<uint64_t, uint32_t>>{
                       {a, 0}, {a, 1}, {a, 2}, {b, 0}, {b, 1}, {c, 0}, {c, 1}, {c, 2}}));
}

TEST_F(TokenStoreTest, AStreamOfSomeDocumentsJoinsThem) {
  // Store: E h i, E y, E z x, E w (E: end of text); the stream leaves out the second.
  const auto store = TokenStore::open(write({"hi", "y", "zx", "w"}));
  const TokenStream stream(store, [&](const Digest& digest) { return digest != sha256("y"); });
  EXPECT_EQ(stream.n_tokens(), 8u);
  EXPECT_EQ(stream.n_documents(), 3u);
  EXPECT_EQ(stream.text_hash(), everything(TokenStore::open(write({"hi", "zx", "w"}, "some.tokens"))).text_hash());
  const TokenRows rows(stream, 4);
  std::vector<int64_t> ids(4), found;
  std::vector<TokenOrigin> origins(4);
  std::vector<std::pair<uint64_t, uint32_t>> places;
  for (int64_t row = 0; row < rows.n_rows(); ++row) {
    rows.ids(row, ids);
    rows.origins(row, origins);
    found.insert(found.end(), ids.begin(), ids.end());
    for (const auto& origin : origins) places.emplace_back(origin.document, origin.position);
  }
  EXPECT_EQ(found, (std::vector<int64_t>{261, 'h', 'i', 261, 'z', 'x', 261, 'w'}));
  const uint64_t a = store.documents()[0].key, c = store.documents()[2].key, d = store.documents()[3].key;
  EXPECT_EQ(places, (std::vector<std::pair<uint64_t, uint32_t>>{
                        {a, 0}, {a, 1}, {a, 2}, {c, 0}, {c, 1}, {c, 2}, {d, 0}, {d, 1}}));
}

class TextStoresTest : public TokenStoreTest {
 protected:
  TextStoresTest() {
    write_file(folder_.path() / "train.txt", "hello hello hello");
    write_file(folder_.path() / "held.txt", "hello and so on");
    options_.train = {(folder_.path() / "train.txt").string()};
    options_.held_out = {(folder_.path() / "held.txt").string()};
    options_.context_length = 4;
  }

  NeededStores needed() const {
    return needed_stores(Corpus(options_), options_.read, tokenizer_.hash(), folder_.path() / "stores");
  }
  void make(const NeededStore& store) const { make_store(store.path, store.files, tokenizer_, options_.read); }
  TokenizedText text() const {
    const NeededStores stores = needed();
    make(stores.train);
    if (stores.held_out) make(*stores.held_out);
    return {stores, Corpus(options_), options_.context_length};
  }

  TextOptions options_;
};

TEST_F(TextStoresTest, HashesAreThoseOfTheTextsThemselves) {
  const TokenizedText made = text();
  const TextSummary summary = summarize(Corpus(options_), options_.read);
  EXPECT_EQ(made.text_hash(Split::kTrain), summary.train.hash);
  EXPECT_EQ(made.text_hash(Split::kHeldOut), summary.held_out.hash);
  EXPECT_EQ(made.rows(Split::kTrain).n_rows(), 1);
}

TEST_F(TextStoresTest, AFractionIsTakenFromOneStore) {
  write_file(folder_.path() / "many.jsonl", [] {
    std::string lines;
    for (int i = 0; i < 200; ++i) lines += Json{{"text", std::to_string(i) + " hello"}}.dump() + "\n";
    return lines;
  }());
  options_.train = {(folder_.path() / "many.jsonl").string()};
  options_.held_out.clear();
  options_.held_out_fraction = 0.25;
  const TokenizedText made = text();
  const TextSummary summary = summarize(Corpus(options_), options_.read);
  EXPECT_EQ(made.stores().size(), 1u);
  EXPECT_EQ(made.text_hash(Split::kTrain), summary.train.hash);
  EXPECT_EQ(made.text_hash(Split::kHeldOut), summary.held_out.hash);
  const uint64_t held_out = made.rows(Split::kHeldOut).stream().n_documents();
  EXPECT_EQ(held_out + made.rows(Split::kTrain).stream().n_documents(), 200u);
  EXPECT_NEAR(static_cast<double>(held_out), 50.0, 5 * std::sqrt(200 * 0.25 * 0.75));
}

TEST_F(TextStoresTest, AChangedFileOrTokenizerNeedsAnotherStore) {
  const NeededStores first = needed();
  EXPECT_EQ(needed().train.path, first.train.path);
  write_file(folder_.path() / "train.txt", "another text, long enough");
  EXPECT_NE(needed().train.path, first.train.path);
  EXPECT_EQ(needed().held_out->path, first.held_out->path);
  options_.read.text_key = "content";
  EXPECT_NE(needed().held_out->path, first.held_out->path);
  options_.read.text_key = "text";
  Json json = test::sample_tokenizer();
  json["normalizer"] = nullptr;
  tokenizer_ = Tokenizer::load(test::write_tokenizer(folder_.path(), json));
  EXPECT_NE(needed().held_out->path, first.held_out->path);
}

TEST_F(TextStoresTest, AStoreCutShortOrOfAnotherTokenizerCountsAsNotMade) {
  const NeededStore store = needed().train;
  EXPECT_FALSE(is_made(store, tokenizer_.hash()));
  make(store);
  EXPECT_TRUE(is_made(store, tokenizer_.hash()));
  EXPECT_FALSE(is_made(store, std::string(64, '0')));
  const std::string whole = read_file(store.path);
  write_file(store.path, whole.substr(0, 40));
  EXPECT_FALSE(is_made(store, tokenizer_.hash()));
}

TEST_F(TextStoresTest, AGivenStoreIsUsedAsItIsOrRefused) {
  const fs::path given = write({"hello hello", "hello x"}, "given.tokens");
  options_.train = {given.string()};
  const NeededStore store = needed().train;
  EXPECT_EQ(store.path, given);
  EXPECT_TRUE(store.is_given);
  EXPECT_TRUE(is_made(store, tokenizer_.hash()));
  EXPECT_THROW(is_made(store, std::string(64, '0')), TextError);
  fs::resize_file(given, 40);
  EXPECT_THROW(is_made(store, tokenizer_.hash()), TextError);
  options_.train.push_back((folder_.path() / "train.txt").string());
  EXPECT_THROW(needed(), TextError);
}

TEST_F(TextStoresTest, TextShorterThanARowIsAnError) {
  options_.context_length = 5;
  try {
    text();
    FAIL();
  } catch (const TextError& error) {
    const std::string message = error.what();
    EXPECT_NE(message.find("[text] train"), std::string::npos) << message;
    EXPECT_NE(message.find("4 tokens"), std::string::npos) << message;
    EXPECT_NE(message.find("context_length = 5"), std::string::npos) << message;
  }
}

}  // namespace
}  // namespace saesweep::text
