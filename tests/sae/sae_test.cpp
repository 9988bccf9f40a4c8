#include "sae/sae.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "sae/dense_codes.h"
#include "sae/threads.h"

namespace saesweep::sae {
namespace {

struct Shape {
  int64_t n_tokens, d_in, n_latents, k;
};

// Tokens in one block and in several, latents that are no multiple of a tile, k above 64, k of all latents.
const std::vector<Shape> kShapes = {{1, 8, 32, 4},       {50, 12, 100, 5}, {300, 16, 2048, 32},
                                    {40, 10, 20480, 16}, {30, 8, 320, 80}, {5, 4, 16, 16}};

class EveryArchitecture : public testing::TestWithParam<Architecture> {};

INSTANTIATE_TEST_SUITE_P(Sae, EveryArchitecture, testing::ValuesIn(all_architectures()),
                         [](const auto& instance) { return name_of(instance.param); });

TEST_P(EveryArchitecture, EncodesAsItsDenseFormula) {
  for (const auto& [n_tokens, d_in, n_latents, k] : kShapes) {
    const Sae sae = test::drawn_sae(d_in, n_latents, k, GetParam());
    const at::Tensor x = test::drawn_eighths("x", {n_tokens, d_in});
    const at::Tensor pre = test::dense_pre(sae, x);
    const Codes expected = test::codes_of(pre, test::dense_active(sae, pre));
    EXPECT_GT(expected.n_entries(), 0);
    EXPECT_TRUE(test::same(encode(sae, x), expected)) << n_latents << " latents, k " << k;
    // Sums of these numbers are exact in bfloat16 products, too.
    EXPECT_TRUE(test::same(encode_centered(sae, center(sae, x), Precision::kBfloat16), expected)) << n_latents;
  }
}

TEST_P(EveryArchitecture, EncodesATokenAloneAsAmongOthers) {
  const Sae sae = test::drawn_sae(16, 300, 4, GetParam());
  const at::Tensor x = test::drawn("x", {80, 16});
  const at::Tensor whole = test::dense(encode(sae, x), 300);
  for (const int64_t token : {0, 13, 79}) {
    const Codes alone = encode(sae, x.narrow(0, token, 1).contiguous());
    EXPECT_TRUE(at::equal(test::dense(alone, 300), whole.narrow(0, token, 1))) << token;
  }
}

TEST_P(EveryArchitecture, DecodesAsADenseProduct) {
  for (const auto& [n_tokens, d_in, n_latents, k] : kShapes) {
    const Sae sae = test::drawn_sae(d_in, n_latents, k, GetParam());
    const at::Tensor x = test::drawn_eighths("x", {n_tokens, d_in});
    const at::Tensor pre = test::dense_pre(sae, x);
    const at::Tensor latents = pre * test::dense_active(sae, pre);
    const at::Tensor W_dec = sae.parameters.W_dec.to(at::kDouble), b_dec = sae.parameters.b_dec.to(at::kDouble);
    const at::Tensor error = (decode(sae, encode(sae, x)).to(at::kDouble) - latents.mm(W_dec) - b_dec).abs();
    // Eighths times values that are multiples of a 64th: exact while sums stay below 2^24 / 512, which a few active
    // latents do; else each of the additions rounds by at most 2^-24 of the sum of sizes.
    const at::Tensor scale = latents.abs().mm(W_dec.abs()) + b_dec.abs();
    const at::Tensor roundings = test::dense_active(sae, pre).sum(1, /*keepdim=*/true) + 1;
    EXPECT_TRUE(error.le(scale * roundings * 0x1p-24).all().item<bool>()) << n_latents << " latents, k " << k;
  }
}

TEST_P(EveryArchitecture, DecodesToTheBiasWhereNothingFires) {
  Sae sae = test::drawn_sae(5, 16, 4, GetParam());
  sae.parameters.b_enc.fill_(-1000);
  const Codes codes = encode(sae, test::drawn("x", {4, 5}));
  EXPECT_EQ(codes.n_entries(), 0);
  EXPECT_TRUE(at::equal(decode(sae, codes), sae.parameters.b_dec.expand({4, 5})));
}

TEST_P(EveryArchitecture, BitsDoNotDependOnTheThreads) {
  const Sae sae = test::drawn_sae(20, 700, 10, GetParam());
  const at::Tensor x = test::drawn("x", {500, 20}) / 3;
  const auto run_on = [&](int n_threads) {
    const test::Threads threads(n_threads);
    Codes codes = encode(sae, x);
    at::Tensor x_hat = decode(sae, codes);
    return std::pair(std::move(codes), std::move(x_hat));
  };
  const auto [codes, x_hat] = run_on(1);
  for (const int n_threads : {2, 3}) {
    const auto [other_codes, other_x_hat] = run_on(n_threads);
    EXPECT_TRUE(test::same(other_codes, codes)) << n_threads;
    EXPECT_TRUE(at::equal(other_x_hat, x_hat)) << n_threads;
  }
}

TEST(Encode, LatentsRiseWithinATokenAndAreFewerWhereFewArePositive) {
  const Sae sae = test::drawn_sae(6, 40, 30);  // about half of the latents are positive
  const Codes codes = encode(sae, test::drawn_eighths("x", {64, 6}));
  const auto starts = codes.starts.accessor<int64_t, 1>();
  const auto latents = codes.latents.accessor<int32_t, 1>();
  EXPECT_EQ(starts[0], 0);
  EXPECT_EQ(starts[64], codes.n_entries());
  EXPECT_LT(codes.n_entries(), 64 * 30);
  for (int64_t t = 0; t < 64; ++t) {
    EXPECT_LE(starts[t + 1] - starts[t], 30);
    for (int64_t i = starts[t] + 1; i < starts[t + 1]; ++i) EXPECT_GT(latents[i], latents[i - 1]);
  }
  EXPECT_TRUE(codes.values.gt(0).all().item<bool>());
}

TEST(Center, TakesTheDecoderBiasAway) {
  const Sae sae = test::drawn_sae(7, 8, 2);
  const at::Tensor x = test::drawn("x", {9, 7});
  EXPECT_TRUE(at::equal(center(sae, x), x - sae.parameters.b_dec));
}

}  // namespace
}  // namespace saesweep::sae
