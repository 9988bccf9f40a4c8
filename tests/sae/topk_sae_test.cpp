#include "sae/topk_sae.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "sae/drawn.h"

namespace saesweep::sae {
namespace {

//! [tokens, n_latents]: the codes spread out, 0 elsewhere.
at::Tensor dense(const Codes& codes, int64_t n_latents) {
  const at::Tensor used = codes.indices.ge(0);
  at::Tensor out = at::zeros({codes.n_tokens(), n_latents + 1});  // the last column takes what is unused
  const at::Tensor columns = at::where(used, codes.indices.to(at::kLong), n_latents);
  return out.scatter_(1, columns, codes.values).narrow(1, 0, n_latents);
}

//! TopK(ReLU(W_enc (x - b_dec) + b_enc)) by a stable sort in float64, [tokens, n_latents].
at::Tensor dense_latents(const TopKSae& sae, const at::Tensor& x) {
  const Parameters& p = sae.parameters;
  const at::Tensor latents =
      ((x - p.b_dec).to(at::kDouble).mm(p.W_enc.to(at::kDouble).t()) + p.b_enc.to(at::kDouble)).relu();
  const auto [sorted, order] = latents.sort(/*stable=*/true, /*dim=*/1, /*descending=*/true);
  const at::Tensor kept = at::zeros_like(latents).scatter_(1, order.narrow(1, 0, sae.k), 1.0);
  return (latents * kept).to(at::kFloat);
}

struct Shape {
  int64_t n_tokens, d_in, n_latents, k;
};

// Tokens in one block and in several, latents that are no multiple of 64, k above 64, k of all latents.
const std::vector<Shape> kShapes = {{1, 8, 32, 4},       {50, 12, 100, 7}, {300, 16, 2048, 32},
                                    {40, 10, 20480, 16}, {30, 8, 300, 80}, {5, 4, 16, 16}};

TEST(Encode, AgreesWithADenseProductAndASort) {
  for (const auto& [n_tokens, d_in, n_latents, k] : kShapes) {
    const TopKSae sae = test::drawn_sae(d_in, n_latents, k);
    const at::Tensor x = test::drawn_eighths("x", {n_tokens, d_in});
    const Codes codes = encode(sae, x);
    EXPECT_EQ(codes.n_tokens(), n_tokens);
    EXPECT_EQ(codes.k(), k);
    EXPECT_TRUE(at::equal(dense(codes, n_latents), dense_latents(sae, x))) << n_latents << " latents, k " << k;
  }
}

TEST(Encode, IndicesRiseAndUnusedPlacesComeLast) {
  const TopKSae sae = test::drawn_sae(6, 40, 30);  // about half of the latents are positive
  const Codes codes = encode(sae, test::drawn_eighths("x", {64, 6}));
  const auto indices = codes.indices.accessor<int32_t, 2>();
  int64_t n_unused = 0;
  for (int64_t t = 0; t < 64; ++t) {
    for (int64_t j = 1; j < 30; ++j) {
      if (indices[t][j] < 0) {
        ++n_unused;
        EXPECT_EQ(codes.values[t][j].item<float>(), 0.0F);
      } else {
        EXPECT_GT(indices[t][j], indices[t][j - 1]);
        EXPECT_GE(indices[t][j - 1], 0);
      }
    }
  }
  EXPECT_GT(n_unused, 0);
}

TEST(Center, TakesTheDecoderBiasAway) {
  const TopKSae sae = test::drawn_sae(7, 8, 2);
  const at::Tensor x = test::drawn("x", {9, 7});
  EXPECT_TRUE(at::equal(center(sae, x), x - sae.parameters.b_dec));
}

TEST(Decode, AgreesWithADenseProduct) {
  for (const auto& [n_tokens, d_in, n_latents, k] : kShapes) {
    const TopKSae sae = test::drawn_sae(d_in, n_latents, k);
    const Codes codes = encode(sae, test::drawn_eighths("x", {n_tokens, d_in}));
    const at::Tensor expected = dense(codes, n_latents).to(at::kDouble).mm(sae.parameters.W_dec.to(at::kDouble)) +
                                sae.parameters.b_dec.to(at::kDouble);
    EXPECT_TRUE(at::equal(decode(sae, codes), expected.to(at::kFloat))) << n_latents << " latents, k " << k;
  }
}

TEST(Decode, GivesTheBiasWhereNothingFires) {
  TopKSae sae = test::drawn_sae(5, 16, 3);
  sae.parameters.b_enc.fill_(-1000);
  const Codes codes = encode(sae, test::drawn("x", {4, 5}));
  EXPECT_TRUE(codes.indices.eq(-1).all().item<bool>());
  EXPECT_TRUE(at::equal(decode(sae, codes), sae.parameters.b_dec.expand({4, 5})));
}

}  // namespace
}  // namespace saesweep::sae
