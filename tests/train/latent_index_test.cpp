#include "train/latent_index.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace saesweep::train {
namespace {

std::vector<std::pair<int32_t, int32_t>> firings(const LatentIndex& index, int64_t latent) {
  std::vector<std::pair<int32_t, int32_t>> found;
  for (const Firing& firing : index.firings(latent)) found.emplace_back(firing.token, firing.place);
  return found;
}

sae::Codes codes_of(const std::vector<int32_t>& indices, int64_t k) {
  const at::Tensor tensor = at::tensor(indices, at::kInt).reshape({-1, k});
  return {at::ones_like(tensor, at::kFloat), tensor};
}

TEST(LatentIndex, HoldsTokensInOrderForEachLatent) {
  LatentIndex index(5);
  index.build(codes_of({0, 3, 3, -1, -1, -1, 0, 4}, 2));
  EXPECT_EQ(firings(index, 0), (std::vector<std::pair<int32_t, int32_t>>{{0, 0}, {3, 6}}));
  EXPECT_TRUE(firings(index, 1).empty());
  EXPECT_TRUE(firings(index, 2).empty());
  EXPECT_EQ(firings(index, 3), (std::vector<std::pair<int32_t, int32_t>>{{0, 1}, {1, 2}}));
  EXPECT_EQ(firings(index, 4), (std::vector<std::pair<int32_t, int32_t>>{{3, 7}}));
  EXPECT_EQ(index.n_firings(), 5);
}

TEST(LatentIndex, ForgetsTheBatchBefore) {
  LatentIndex index(3);
  index.build(codes_of({0, 1, 0, 2, 1, 2}, 2));
  index.build(codes_of({2}, 1));
  EXPECT_TRUE(firings(index, 0).empty());
  EXPECT_TRUE(firings(index, 1).empty());
  EXPECT_EQ(firings(index, 2), (std::vector<std::pair<int32_t, int32_t>>{{0, 0}}));
  EXPECT_EQ(index.n_firings(), 1);
}

}  // namespace
}  // namespace saesweep::train
