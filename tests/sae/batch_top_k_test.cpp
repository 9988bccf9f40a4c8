#include "sae/batch_top_k.h"

#include <gtest/gtest.h>

#include <limits>

#include "sae/dense_codes.h"
#include "sae/strips.h"
#include "sae/threads.h"

namespace saesweep::sae {
namespace {

struct Shape {
  int64_t n_tokens, n_latents, k;
};

// One token; latents that are no multiple of a strip; batches in which the threshold rises often; all latents.
const std::vector<Shape> kShapes = {{1, 10, 3},    {1, 500, 5},  {13, 70, 4}, {200, 300, 1},
                                    {64, 1000, 9}, {300, 64, 8}, {20, 40, 40}};

void expect_kept(const Shape& shape, const at::Tensor& products, const at::Tensor& bias) {
  const at::Tensor sums = products + bias;
  const Codes expected = test::codes_of(sums, test::largest_of_batch(sums, shape.k));
  for (int64_t seed = 0; seed < 4; ++seed) {
    const Codes found =
        test::codes_of_strips(BatchTopKCandidates(shape.n_tokens, shape.k), products, bias, seed, 1 + 5 * seed);
    EXPECT_TRUE(test::same(found, expected))
        << shape.n_tokens << " tokens, " << shape.n_latents << " latents, k " << shape.k << ", order " << seed;
  }
}

TEST(BatchTopK, KeepsWhatASortOfTheBatchKeepsInWhateverOrderStripsCome) {
  for (const Shape& shape : kShapes) {
    const at::Tensor products = test::drawn("products", {shape.n_tokens, shape.n_latents});
    // Tokens of very different size: some have far more than k entries, others none.
    const at::Tensor sizes = test::drawn("sizes", {shape.n_tokens, 1}).exp();
    expect_kept(shape, products * sizes, test::drawn("bias", {shape.n_latents}));
  }
}

TEST(BatchTopK, KeepsEarlierTokensThenLowerLatentsAmongEquals) {
  for (const Shape& shape : kShapes) {
    const at::Tensor products = test::drawn("products", {shape.n_tokens, shape.n_latents}).round();
    expect_kept(shape, products, at::full({shape.n_latents}, 0.5F));
    expect_kept(shape, at::ones_like(products), at::zeros({shape.n_latents}));
  }
}

TEST(BatchTopK, KeepsSumsThatDifferInTheirLastBitsOnly) {
  for (const Shape& shape : kShapes) {
    const at::Tensor products = 1 + test::drawn("products", {shape.n_tokens, shape.n_latents}) * 0x1p-20;
    expect_kept(shape, products, at::zeros({shape.n_latents}));
  }
}

TEST(BatchTopK, KeepsAllAbove0WhereTheyAreFew) {
  for (const Shape& shape : kShapes) {
    expect_kept(shape, test::drawn("products", {shape.n_tokens, shape.n_latents}) - 2.5, at::zeros({shape.n_latents}));
  }
  const Codes none = test::codes_of_strips(BatchTopKCandidates(3, 4), at::zeros({3, 40}), at::zeros({40}));
  EXPECT_EQ(none.n_tokens(), 3);
  EXPECT_EQ(none.n_entries(), 0);
}

TEST(BatchTopK, KeepsTheSmallestAndTheLargestFloats) {
  constexpr float kTiny = std::numeric_limits<float>::denorm_min(), kHuge = std::numeric_limits<float>::max();
  at::Tensor products = at::full({40, 64}, kTiny);
  products[3][5] = kHuge;
  products[20][63] = std::numeric_limits<float>::infinity();
  expect_kept({40, 64, 2}, products, at::zeros({64}));
}

TEST(BatchTopK, NeverKeepsNaN) {
  for (const Shape& shape : kShapes) {
    at::Tensor products = test::drawn("products", {shape.n_tokens, shape.n_latents});
    products.masked_fill_(test::drawn("NaN", products.sizes()).gt(0), std::numeric_limits<float>::quiet_NaN());
    expect_kept(shape, products, at::zeros({shape.n_latents}));
  }
}

TEST(BatchTopK, KeepsTheSameOnSeveralThreads) {
  const at::Tensor products = test::drawn("products", {700, 320}).round() + test::drawn("sizes", {700, 1}).round();
  const at::Tensor bias = at::zeros({320});
  const Codes expected = test::codes_of(products, test::largest_of_batch(products, 6));
  for (const int n_threads : {1, 2, 4}) {
    const test::Threads threads(n_threads);
    for (int repeat = 0; repeat < 5; ++repeat) {
      BatchTopKCandidates candidates(700, 6);
      test::StripFeed(candidates, products, bias, 3).add_on_threads();
      EXPECT_TRUE(test::same(candidates.codes(), expected)) << n_threads << " threads";
    }
  }
}

}  // namespace
}  // namespace saesweep::sae
