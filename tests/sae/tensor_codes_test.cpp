#include "sae/tensor_codes.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "sae/dense_codes.h"

namespace saesweep::sae {
namespace {

struct Shape {
  int64_t n_tokens, d_in, n_latents, k;
};

// Tokens and latents of one tile and of several (4,096 latents, 1,024 tokens), groups of which a tile holds several and
// groups that are wider than a tile, k above the latents of the last tile.
const std::vector<Shape> kShapes = {{1, 8, 32, 4}, {1030, 4, 4608, 9}, {10, 4, 20480, 4}, {20, 4, 4100, 20}};

//! Few latents fire: tests are quick.
Sae sparse_sae(int64_t d_in, int64_t n_latents, int64_t k, Architecture architecture) {
  Sae sae = test::drawn_sae(d_in, n_latents, k, architecture);
  sae.parameters.b_enc -= 4;
  return sae;
}

bool both_missing_or_same(const Codes& a, const Codes& b) {
  if (a.values.defined() != b.values.defined()) return false;
  return !a.values.defined() || test::same(a, b);
}

class TensorsOf : public testing::TestWithParam<Architecture> {};

INSTANTIATE_TEST_SUITE_P(TensorCodes, TensorsOf, testing::ValuesIn(all_architectures()),
                         [](const auto& instance) { return name_of(instance.param); });

// Sums of these numbers are exact, in bfloat16 products, too: ties are many, and both ways must break them alike.
TEST_P(TensorsOf, EncodeAsTheKernels) {
  for (const auto& [n_tokens, d_in, n_latents, k] : kShapes) {
    const Sae sae = sparse_sae(d_in, n_latents, k, GetParam());
    const at::Tensor x = test::drawn_eighths("x", {n_tokens, d_in});
    EXPECT_TRUE(at::equal(tensors::center(sae, x), center(sae, x)));
    for (const Precision precision : {Precision::kFloat32, Precision::kBfloat16}) {
      const Codes codes = tensors::encode_centered(sae, center(sae, x), precision);
      EXPECT_TRUE(test::same(codes, encode_centered(sae, center(sae, x), precision))) << n_latents << " latents";
    }
  }
}

TEST_P(TensorsOf, DecodeAsTheKernels) {
  const Sae sae = test::drawn_sae(16, 512, 8, GetParam());
  const Codes codes = encode(sae, test::drawn_eighths("x", {70, 16}));
  const at::Tensor expected = decode(sae, codes);
  // Up to 512 additions in another order, each rounding by 2^-24 of sums of some hundreds.
  EXPECT_TRUE(at::allclose(tensors::decode(sae, codes), expected, 1e-5, 1e-3));
}

TEST_P(TensorsOf, EncodeForTrainingAsTheKernels) {
  std::vector<uint8_t> is_dead(4608);
  for (size_t i = 0; i < is_dead.size(); i += 3) is_dead[i] = 1;
  const Sae sae = sparse_sae(4, 4608, 9, GetParam());
  const at::Tensor centered = center(sae, test::drawn_eighths("x", {1030, 4}));
  const TrainingWants wants{.wide = true, .n_dead = 5, .is_dead = is_dead, .band = 0.5F};
  const TrainingCodes codes = tensors::training_codes(sae, centered, wants);
  const TrainingCodes expected = training_codes(sae, centered, wants);
  EXPECT_TRUE(test::same(codes.active, expected.active));
  EXPECT_TRUE(test::same(codes.dead, expected.dead));
  EXPECT_TRUE(both_missing_or_same(codes.wide, expected.wide));
  EXPECT_TRUE(both_missing_or_same(codes.near, expected.near));
}

TEST_P(TensorsOf, KeepNothingOfWhatIsNotANumber) {
  const Sae sae = test::drawn_sae(8, 64, 4, GetParam());
  at::Tensor centered = test::drawn_eighths("x", {5, 8});
  centered[2][3] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(test::same(tensors::encode_centered(sae, centered), encode_centered(sae, centered)));
  EXPECT_TRUE(test::same(tensors::training_codes(sae, centered, {}).active, training_codes(sae, centered, {}).active));
}

TEST_P(TensorsOf, EncodeNothingWhereNothingFires) {
  Sae sae = test::drawn_sae(5, 16, 4, GetParam());
  sae.parameters.b_enc.fill_(-1000);
  const at::Tensor x = test::drawn("x", {4, 5});
  const Codes codes = tensors::training_codes(sae, x, {}).active;
  EXPECT_TRUE(test::same(codes, training_codes(sae, x, {}).active));
  EXPECT_TRUE(at::equal(tensors::decode(sae, codes), sae.parameters.b_dec.expand({4, 5})));
}

TEST(TensorFilter, KeepsTheEntriesThatAreMarked) {
  const Sae sae = test::drawn_sae(8, 64, 4);
  const Codes codes = encode(sae, test::drawn_eighths("x", {50, 8}));
  const Codes expected = filtered(codes, [](int64_t, float, int32_t latent) { return latent < 20; });
  EXPECT_TRUE(test::same(tensors::filtered(codes, codes.latents < 20), expected));
}

}  // namespace
}  // namespace saesweep::sae
