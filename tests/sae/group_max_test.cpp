#include "sae/group_max.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/errors.h"
#include "sae/dense_codes.h"
#include "sae/strips.h"

namespace saesweep::sae {
namespace {

struct Shape {
  int64_t n_tokens, n_latents, k;
};

// Groups of one, smaller and larger than a strip of 32, across strips, and one of all latents.
const std::vector<Shape> kShapes = {{5, 16, 16}, {20, 96, 32}, {20, 100, 5}, {9, 210, 3}, {30, 256, 8}, {4, 70, 1}};

void expect_kept(const Shape& shape, const at::Tensor& products, const at::Tensor& bias) {
  const at::Tensor sums = products + bias;
  const Codes expected = test::codes_of(sums, test::largest_of_groups(sums, shape.k));
  const Codes found =
      test::codes_of_strips(GroupMaxCandidates(shape.n_tokens, shape.n_latents, shape.k), products, bias);
  EXPECT_TRUE(test::same(found, expected)) << shape.n_latents << " latents, k " << shape.k;
}

TEST(GroupMax, KeepsWhatASortOfEachGroupKeeps) {
  for (const Shape& shape : kShapes) {
    expect_kept(shape, test::drawn("products", {shape.n_tokens, shape.n_latents}),
                test::drawn("bias", {shape.n_latents}));
  }
}

TEST(GroupMax, KeepsTheLowerLatentAmongEquals) {
  for (const Shape& shape : kShapes) {
    expect_kept(shape, test::drawn("products", {shape.n_tokens, shape.n_latents}).round(),
                at::full({shape.n_latents}, 0.5F));
  }
}

TEST(GroupMax, GroupsWithoutASumAbove0HaveNone) {
  for (const Shape& shape : kShapes) {
    expect_kept(shape, test::drawn("products", {shape.n_tokens, shape.n_latents}) - 2, at::zeros({shape.n_latents}));
  }
  const Codes none = test::codes_of_strips(GroupMaxCandidates(3, 40, 4), at::zeros({3, 40}), at::zeros({40}));
  EXPECT_EQ(none.n_tokens(), 3);
  EXPECT_EQ(none.n_entries(), 0);
}

TEST(GroupMax, GroupsThatDoNotPartTheLatentsEvenlyAreRefused) {
  EXPECT_THROW(GroupMaxCandidates(3, 256, 5), SystemError);
}

TEST(GroupMax, NeverKeepsNaN) {
  for (const Shape& shape : kShapes) {
    at::Tensor products = test::drawn("products", {shape.n_tokens, shape.n_latents});
    products.masked_fill_(test::drawn("NaN", products.sizes()).gt(0), std::numeric_limits<float>::quiet_NaN());
    expect_kept(shape, products, at::zeros({shape.n_latents}));
  }
}

}  // namespace
}  // namespace saesweep::sae
