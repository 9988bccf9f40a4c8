#include "train/row_order.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/files.h"
#include "support/temporary_folder.h"
#include "text/sample_tokenizer.h"
#include "text/store_build.h"
#include "text/token_rows.h"

namespace saesweep::train {
namespace {

constexpr int64_t kRows = 100;

RowOrder order(const std::string& purpose = "train", const std::string& text = "text", int64_t seed = 0) {
  return {purpose, text, seed, kRows};
}

TEST(RowOrder, ReadsEachRowOnceAnEpoch) {
  RowOrder rows = order();
  std::vector<int64_t> all(kRows);
  std::iota(all.begin(), all.end(), 0);
  for (int64_t epoch = 0; epoch < 3; ++epoch) {
    std::vector<int64_t> found = rows.rows(epoch * kRows, kRows);
    EXPECT_NE(found, all);
    std::sort(found.begin(), found.end());
    EXPECT_EQ(found, all);
  }
}

TEST(RowOrder, EachEpochHasItsOwnOrder) {
  RowOrder rows = order();
  const std::vector<int64_t> first = rows.rows(0, kRows);
  EXPECT_NE(rows.rows(kRows, kRows), first);
  EXPECT_NE(rows.rows(2 * kRows, kRows), rows.rows(kRows, kRows));
}

TEST(RowOrder, TheSameKeyGivesTheSameOrder) {
  EXPECT_EQ(order().rows(0, 2 * kRows), order().rows(0, 2 * kRows));
}

TEST(RowOrder, PurposeTextAndSeedEachGiveAnother) {
  const std::vector<int64_t> rows = order().rows(0, kRows);
  EXPECT_NE(order("held out").rows(0, kRows), rows);
  EXPECT_NE(order("train", "other").rows(0, kRows), rows);
  EXPECT_NE(order("train", "text", 1).rows(0, kRows), rows);
}

TEST(RowOrder, DoesNotDependOnHowItIsRead) {
  const std::vector<int64_t> whole = order().rows(0, 3 * kRows);
  RowOrder rows = order();
  std::vector<int64_t> pieces;
  for (int64_t first = 0; first < 3 * kRows; first += 30) {
    const std::vector<int64_t> piece = rows.rows(first, 30);
    pieces.insert(pieces.end(), piece.begin(), piece.end());
  }
  EXPECT_EQ(pieces, whole);
  const std::vector<int64_t> back = rows.rows(5, 4);  // an epoch gone by
  EXPECT_TRUE(std::equal(back.begin(), back.end(), whole.begin() + 5));
}

// Ten files of unequal size, a budget of a tenth: each file is read in proportion. Without replacement the spread is
// below that of a binomial; five of its deviations.
TEST(RowOrder, ABudgetOfATenthReadsEachFileInProportion) {
  constexpr int64_t kContext = 16, kFiles = 10;
  test::TemporaryFolder folder;
  const auto tokenizer = text::Tokenizer::load(test::write_tokenizer(folder.path()));
  std::vector<std::filesystem::path> files;
  for (int64_t file = 0; file < kFiles; ++file) {
    files.push_back(folder.path() / fmt::format("{}.txt", file));
    write_file(files.back(), std::string(static_cast<size_t>(4000 + 3000 * file), static_cast<char>('a' + file)));
  }
  text::make_store(folder.path() / "all.tokens", files, tokenizer);
  const auto store = text::TokenStore::open(folder.path() / "all.tokens");
  const text::TokenRows rows(text::TokenStream(store, [](const Digest&) { return true; }), kContext);
  const int64_t n_read = rows.n_rows() / 10;
  std::vector<int64_t> n_seen(kFiles), ids(kContext);
  RowOrder order("train", rows.stream().text_hash(), 0, rows.n_rows());
  for (const int64_t row : order.rows(0, n_read)) {
    rows.ids(row, ids);
    ++n_seen.at(static_cast<size_t>(ids.back() - 'a'));
  }
  for (int64_t file = 0; file < kFiles; ++file) {
    const double share = static_cast<double>(4000 + 3000 * file) / static_cast<double>(store.n_tokens());
    const double expected = static_cast<double>(n_read) * share;
    EXPECT_GT(n_seen[static_cast<size_t>(file)], 0);
    EXPECT_NEAR(static_cast<double>(n_seen[static_cast<size_t>(file)]), expected,
                5 * std::sqrt(expected * (1 - share)));
  }
}

}  // namespace
}  // namespace saesweep::train
