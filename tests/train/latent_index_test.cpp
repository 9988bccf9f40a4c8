#include "train/latent_index.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "sae/drawn.h"

namespace saesweep::train {
namespace {

using Firings = std::vector<std::pair<uint32_t, uint32_t>>;

Firings firings(const LatentIndex& index, int64_t latent) {
  Firings found;
  for (const Firing& firing : index.firings(latent)) found.emplace_back(firing.token, firing.place);
  return found;
}

TEST(LatentIndex, HoldsTokensInOrderForEachLatent) {
  const at::Tensor latents = at::tensor({0, 3, 3, 0, 4}, at::kInt);
  const LatentIndex index({at::tensor({0, 2, 3, 3, 5}, at::kLong), latents, at::ones({5})}, 5);
  EXPECT_EQ(firings(index, 0), (Firings{{0, 0}, {3, 3}}));
  EXPECT_TRUE(firings(index, 1).empty());
  EXPECT_TRUE(firings(index, 2).empty());
  EXPECT_EQ(firings(index, 3), (Firings{{0, 1}, {1, 2}}));
  EXPECT_EQ(firings(index, 4), (Firings{{3, 4}}));
}

TEST(LatentIndex, IsEmptyWithoutEntries) {
  const LatentIndex index({at::zeros({4}, at::kLong), at::empty({0}, at::kInt), at::empty({0})}, 3);
  for (int64_t latent = 0; latent < 3; ++latent) EXPECT_TRUE(firings(index, latent).empty());
}

TEST(LatentIndex, AgreesWithASearchThroughDrawnCodes) {
  const at::Tensor values = test::drawn("values", {200, 60});
  const sae::Codes codes = test::codes_of(values, values.gt(1.5));
  const LatentIndex index(codes, 60);
  const auto starts = codes.starts.accessor<int64_t, 1>();
  const auto latents = codes.latents.accessor<int32_t, 1>();
  for (int64_t latent = 0; latent < 60; ++latent) {
    Firings expected;
    for (int64_t t = 0; t < 200; ++t) {
      for (int64_t i = starts[t]; i < starts[t + 1]; ++i) {
        if (latents[i] == latent) expected.emplace_back(t, i);
      }
    }
    EXPECT_EQ(firings(index, latent), expected) << latent;
  }
}

}  // namespace
}  // namespace saesweep::train
