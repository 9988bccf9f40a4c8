#include "train/activation_buffer.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "base/files.h"
#include "model/small_model.h"
#include "support/temporary_folder.h"
#include "text/sample_tokenizer.h"
#include "text/store_build.h"
#include "text/token_rows.h"

namespace saesweep::train {
namespace {

constexpr int64_t kContext = 8, kBatch = 16, kBuffer = 64;

//! A small model that reads drawn letters.
class Buffer : public testing::Test {
 protected:
  Buffer() {
    Json config = test::small_config();
    config["vocab_size"] = 300;
    test::write_small_model(folder_.path(), 0, at::kFloat, config);
    model_.emplace(model::read_config(folder_.path()), test::small_tensors(model::read_config(folder_.path())),
                   at::kFloat);
    const Stream stream{std::string("letters")};
    std::string text;
    for (uint64_t i = 0; i < 3000; ++i) text += static_cast<char>('a' + stream.bits(i) % 26);
    write_file(folder_.path() / "text.txt", text);
    const auto tokenizer = text::Tokenizer::load(test::write_tokenizer(folder_.path()));
    text::make_store(folder_.path() / "text.tokens", {folder_.path() / "text.txt"}, tokenizer);
    store_.emplace(text::TokenStore::open(folder_.path() / "text.tokens"));
    rows_.emplace(text::TokenStream(*store_, [](const Digest&) { return true; }), kContext);
    source_.emplace(*model_, *rows_,
                    std::vector{model::hookpoint_from("layers.0"), model::hookpoint_from("layers.2.mlp")}, std::nullopt,
                    3 * kContext);
  }

  RowOrder order() const { return {"train", "text", 7, rows_->n_rows()}; }
  ActivationBuffer buffer(int64_t buffer_tokens, int64_t data_seed = 7) const {
    return {*source_, order(), "text", data_seed, kContext, kBatch, buffer_tokens};
  }
  //! Activations of block `block` as its rows come, rounded to bfloat16.
  std::vector<at::Tensor> in_order(int64_t block) const {
    RowOrder rows = order();
    auto activations = source_->read(rows.rows(block * kBuffer / kContext, kBuffer / kContext)).activations;
    for (at::Tensor& tensor : activations) tensor = tensor.to(at::kBFloat16).to(at::kFloat);
    return activations;
  }

  test::TemporaryFolder folder_;
  std::optional<model::GptNeox> model_;
  std::optional<text::TokenStore> store_;
  std::optional<text::TokenRows> rows_;
  std::optional<ActivationSource> source_;
};

//! All batches of a block, one after the other.
std::vector<at::Tensor> whole_block(ActivationBuffer& buffer, int64_t block) {
  std::vector<std::vector<at::Tensor>> batches(2);
  for (int64_t step = block * kBuffer / kBatch; step < (block + 1) * kBuffer / kBatch; ++step) {
    const auto batch = buffer.batch(step);
    for (size_t i = 0; i < 2; ++i) batches[i].push_back(batch[i]);
  }
  return {at::cat(batches[0]), at::cat(batches[1])};
}

//! Which token of `tokens` each row of `mixed` is; -1 where it is none, or one taken already.
std::vector<int64_t> places_in(const at::Tensor& tokens, const at::Tensor& mixed) {
  std::vector<int64_t> places;
  for (int64_t row = 0; row < mixed.size(0); ++row) {
    int64_t found = -1;
    for (int64_t token = 0; token < tokens.size(0) && found < 0; ++token) {
      const bool is_free = std::find(places.begin(), places.end(), token) == places.end();
      if (is_free && at::equal(tokens[token], mixed[row])) found = token;
    }
    places.push_back(found);
  }
  return places;
}

TEST_F(Buffer, WithoutOneABatchIsTheNextRows) {
  ActivationBuffer none = buffer(0);
  RowOrder rows = order();
  for (const int64_t step : {0, 1, 5, 2}) {
    const auto expected = source_->read(rows.rows(step * kBatch / kContext, kBatch / kContext)).activations;
    const auto batch = none.batch(step);
    for (size_t i = 0; i < 2; ++i) EXPECT_TRUE(at::equal(batch[i], expected[i])) << "step " << step;
  }
}

TEST_F(Buffer, ABlockHoldsEachTokenOnceInTheSameOrderForAllHookpoints) {
  ActivationBuffer mixing = buffer(kBuffer);
  for (const int64_t block : {0, 1}) {
    const auto mixed = whole_block(mixing, block);
    const auto expected = in_order(block);
    const auto places = places_in(expected[0], mixed[0]);
    std::vector<int64_t> sorted = places, all(kBuffer);
    std::sort(sorted.begin(), sorted.end());
    std::iota(all.begin(), all.end(), 0);
    EXPECT_EQ(sorted, all);
    EXPECT_NE(places, all);
    const at::Tensor index = at::tensor(places, at::kLong);
    EXPECT_TRUE(at::equal(expected[1].index_select(0, index), mixed[1]));
  }
}

TEST_F(Buffer, TheOrderOfABlockDependsOnBlockAndSeedAlone) {
  ActivationBuffer one = buffer(kBuffer), two = buffer(kBuffer), other = buffer(kBuffer, 8);
  const auto first = whole_block(one, 0);
  const auto second = whole_block(one, 1);
  EXPECT_TRUE(at::equal(whole_block(two, 1)[0], second[0]));  // asked for first, as when a run is continued
  EXPECT_TRUE(at::equal(whole_block(two, 0)[0], first[0]));
  EXPECT_FALSE(at::equal(whole_block(other, 0)[0], first[0]));
  EXPECT_NE(places_in(in_order(0)[0], first[0]), places_in(in_order(1)[0], second[0]));
}

}  // namespace
}  // namespace saesweep::train
