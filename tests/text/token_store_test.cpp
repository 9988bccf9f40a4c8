#include "text/token_store.h"

#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "base/errors.h"
#include "support/temporary_folder.h"
#include "text/prepare.h"
#include "text/sample_tokenizer.h"
#include "text/store_writer.h"
#include "text/token_rows.h"

namespace saesweep::text {
namespace {

namespace fs = std::filesystem;

class TokenStoreTest : public testing::Test {
 protected:
  TokenStoreTest() : tokenizer_(Tokenizer::load(test::write_tokenizer(folder_.path()))) {}

  fs::path write(const std::vector<std::string>& texts, const std::string& name = "text.tokens") {
    const fs::path path = folder_.path() / name;
    StoreWriter writer(path, tokenizer_);
    for (const auto& text : texts) writer.add(text);
    writer.commit();
    return path;
  }

  static std::vector<uint32_t> tokens(const TokenStore& store) {
    std::vector<uint32_t> found;
    for (uint64_t i = 0; i < store.n_tokens(); ++i) found.push_back(store.token(i));
    return found;
  }

  //! The message with which a file of these bytes is refused.
  std::string refusal(const std::string& bytes) {
    const fs::path path = folder_.path() / "changed.tokens";
    std::ofstream(path, std::ios::binary) << bytes;
    try {
      TokenStore::open(path);
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

TEST_F(TokenStoreTest, IsNotThereBeforeCommit) {
  const fs::path path = folder_.path() / "half.tokens";
  {
    StoreWriter writer(path, tokenizer_);
    writer.add("hello");
  }
  EXPECT_FALSE(fs::exists(path));
  EXPECT_THROW(TokenStore::open(path), TextError);
}

TEST_F(TokenStoreTest, RowsCutTheStreamAndDropTheRest) {
  // Stream: E h i E y E z x (E: end of text).
  const auto store = TokenStore::open(write({"hi", "y", "zx"}));
  const TokenRows rows(store, 3);
  EXPECT_EQ(rows.n_rows(), 2);
  std::vector<int64_t> ids(3);
  rows.ids(1, ids);
  EXPECT_EQ(ids, (std::vector<int64_t>{261, 'y', 261}));
}

TEST_F(TokenStoreTest, OriginsNameDocumentAndPlace) {
  const auto store = TokenStore::open(write({"hi", "y", "zxw"}));
  const auto documents = store.documents();
  std::vector<TokenOrigin> origins(4);
  const TokenRows rows(store, 4);
  std::vector<std::pair<uint64_t, uint32_t>> found;
  for (int64_t row = 0; row < rows.n_rows(); ++row) {
    rows.origins(row, origins);
    for (const auto& origin : origins) found.emplace_back(origin.document, origin.position);
  }
  const uint64_t a = documents[0].key, b = documents[1].key, c = documents[2].key;
  EXPECT_EQ(found, (std::vector<std::pair<uint64_t, uint32_t>>{
                       {a, 0}, {a, 1}, {a, 2}, {b, 0}, {b, 1}, {c, 0}, {c, 1}, {c, 2}}));
}

class PrepareTest : public TokenStoreTest {
 protected:
  PrepareTest() {
    write_file(folder_.path() / "train.txt", "hello hello hello");
    write_file(folder_.path() / "held.txt", "hello and so on");
    options_.train = {(folder_.path() / "train.txt").string()};
    options_.held_out = {(folder_.path() / "held.txt").string()};
    options_.context_length = 4;
  }

  fs::path stores() const { return folder_.path() / "stores"; }

  TextOptions options_;
};

TEST_F(PrepareTest, MakesBothStoresOnce) {
  const StorePaths paths = prepare_stores(options_, tokenizer_, stores());
  EXPECT_EQ(tokens(TokenStore::open(paths.train)), (std::vector<uint32_t>{261, 259, 260, 260}));
  const TextSummary summary = summarize(Corpus(options_));
  EXPECT_EQ(TokenStore::open(paths.train).text_hash(), summary.train.hash);
  EXPECT_EQ(TokenStore::open(paths.held_out).text_hash(), summary.held_out.hash);
  const auto made = fs::last_write_time(paths.train);
  EXPECT_EQ(prepare_stores(options_, tokenizer_, stores()).train, paths.train);
  EXPECT_EQ(fs::last_write_time(paths.train), made);
}

TEST_F(PrepareTest, MakesADamagedStoreAnew) {
  const StorePaths paths = prepare_stores(options_, tokenizer_, stores());
  const std::string whole = read_file(paths.train);
  write_file(paths.train, whole.substr(0, 40));
  prepare_stores(options_, tokenizer_, stores());
  EXPECT_EQ(read_file(paths.train), whole);
}

TEST_F(PrepareTest, OtherTextsAndTokenizersGetOtherFiles) {
  const StorePaths first = prepare_stores(options_, tokenizer_, stores());
  write_file(folder_.path() / "train.txt", "another text, long enough");
  const StorePaths second = prepare_stores(options_, tokenizer_, stores());
  EXPECT_NE(first.train, second.train);
  EXPECT_EQ(first.held_out, second.held_out);
  Json json = test::sample_tokenizer();
  json["normalizer"] = nullptr;
  const auto other = Tokenizer::load(test::write_tokenizer(folder_.path(), json));
  EXPECT_NE(prepare_stores(options_, other, stores()).held_out, second.held_out);
}

TEST_F(PrepareTest, TextShorterThanARowIsAnError) {
  options_.context_length = 5;
  try {
    prepare_stores(options_, tokenizer_, stores());
    FAIL();
  } catch (const TextError& error) {
    const std::string message = error.what();
    EXPECT_NE(message.find("[text] train"), std::string::npos) << message;
    EXPECT_NE(message.find("4 tokens"), std::string::npos) << message;
    EXPECT_NE(message.find("context_length = 5"), std::string::npos) << message;
  }
}

TEST_F(PrepareTest, TwoAtOnceLeaveWholeStores) {
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back([&] { prepare_stores(options_, tokenizer_, stores()); });
  threads.clear();
  size_t n_files = 0;
  for (const auto& entry : fs::directory_iterator(stores())) {
    EXPECT_EQ(TokenStore::open(entry.path()).documents().size(), 1u);
    ++n_files;
  }
  EXPECT_EQ(n_files, 2u);
}

}  // namespace
}  // namespace saesweep::text
