#include "sae/product_strips.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "sae/drawn.h"
#include "sae/threads.h"

namespace saesweep::sae {
namespace {

//! All products, put together from their strips.
at::Tensor products(const at::Tensor& x, const at::Tensor& W_enc, Precision precision) {
  at::Tensor out = at::full({x.size(0), W_enc.size(0)}, std::numeric_limits<float>::quiet_NaN());
  std::vector<int64_t> next(static_cast<size_t>(x.size(0)), 0);
  for_each_strip(x, W_enc, precision, [&](const Strip& strip) {
    for (int64_t t = 0; t < strip.n_tokens; ++t) {
      const int64_t token = strip.first_token + t;
      EXPECT_EQ(next[static_cast<size_t>(token)], strip.first_latent) << "latents of token " << token;
      next[static_cast<size_t>(token)] += strip.n_latents;
      std::copy_n(strip.products + t * kTileLatents, strip.n_latents,
                  out.mutable_data_ptr<float>() + token * W_enc.size(0) + strip.first_latent);
    }
  });
  return out;
}

struct Shape {
  int64_t n_tokens, d_in, n_latents;
};

// Parts of tiles on every side; several blocks of depth, odd depths; several fillings of the packed latents.
const std::vector<Shape> kShapes = {{1, 1, 1},     {14, 16, 32},   {15, 17, 33},   {127, 64, 100},  {300, 511, 70},
                                    {40, 513, 65}, {29, 1025, 90}, {20, 2049, 40}, {13, 3000, 2000}};

TEST(ProductStrips, HoldAllProductsOfFloat32) {
  for (const auto& [n_tokens, d_in, n_latents] : kShapes) {
    // Multiples of an eighth: every order of summing gives the same.
    const at::Tensor x = test::drawn_eighths("x", {n_tokens, d_in});
    const at::Tensor w = test::drawn_eighths("w", {n_latents, d_in});
    EXPECT_TRUE(at::equal(products(x, w, Precision::kFloat32), x.mm(w.t()))) << n_tokens << " " << d_in;
  }
}

TEST(ProductStrips, HoldProductsOfValuesRoundedToBfloat16) {
  for (const auto& [n_tokens, d_in, n_latents] : kShapes) {
    const at::Tensor x = test::drawn_eighths("x", {n_tokens, d_in}) / 3,
                     w = test::drawn_eighths("w", {n_latents, d_in}) / 3;
    const auto rounded = [](const at::Tensor& t) { return t.to(at::kBFloat16).to(at::kDouble); };
    const at::Tensor expected = rounded(x).mm(rounded(w).t());
    const at::Tensor scale = rounded(x).abs().mm(rounded(w).abs().t());
    // Float32 sums: each of the d_in additions may round by 2^-24 of the sum of absolute values.
    const at::Tensor bound = scale * (static_cast<double>(d_in) * 0x1p-23) + 1e-30;
    const at::Tensor error = (products(x, w, Precision::kBfloat16).to(at::kDouble) - expected).abs();
    EXPECT_TRUE(error.le(bound).all().item<bool>()) << n_tokens << " " << d_in;
  }
}

TEST(ProductStrips, AProductDependsOnItsRowsAlone) {
  const at::Tensor x = test::drawn_eighths("x", {150, 700}) / 3, w = test::drawn_eighths("w", {90, 700}) / 3;
  for (const Precision precision : {Precision::kFloat32, Precision::kBfloat16}) {
    const at::Tensor whole = products(x, w, precision);
    for (const int64_t token : {0, 13, 14, 127, 149}) {
      const at::Tensor alone = products(x.narrow(0, token, 1).contiguous(), w, precision);
      EXPECT_TRUE(at::equal(alone, whole.narrow(0, token, 1))) << token;
    }
    const at::Tensor some = products(x, w.narrow(0, 40, 50).contiguous(), precision);
    EXPECT_TRUE(at::equal(some, whole.narrow(1, 40, 50)));
    const test::Threads threads(3);
    EXPECT_TRUE(at::equal(products(x, w, precision), whole));
  }
}

}  // namespace
}  // namespace saesweep::sae
