#include "results/blocks.h"

#include <gtest/gtest.h>

#include <map>

namespace saesweep::results {
namespace {

// Every element of the box once, none beside it, and no block above the limit unless it is a single element.
void expect_cover(const h5::Slab& box, size_t element_bytes) {
  std::map<std::vector<hsize_t>, size_t> visits;
  for_each_block(box, element_bytes, [&](const h5::Slab& block) {
    EXPECT_TRUE(n_elements(block) * element_bytes <= kBlockBytes || n_elements(block) == 1);
    for (size_t i = 0; i < n_elements(block); ++i) {
      std::vector<hsize_t> at = block.start;
      for (size_t d = at.size(), rest = i; d-- > 0; rest /= block.count[d]) at[d] += rest % block.count[d];
      for (size_t d = 0; d < at.size(); ++d) EXPECT_LT(at[d], box.start[d] + box.count[d]);
      ++visits[at];
    }
  });
  EXPECT_EQ(visits.size(), n_elements(box));
  for (const auto& [at, n] : visits) EXPECT_EQ(n, 1u);
}

TEST(Blocks, CoverABoxOfAnySizeOnceInPiecesOfBoundedBytes) {
  expect_cover({{3}, {17}}, 8);
  expect_cover({{0, 0}, {5, 7}}, kBlockBytes / 10);
  expect_cover({{2, 1}, {5, 3}}, kBlockBytes);
  expect_cover({{2, 1}, {2, 3}}, kBlockBytes + 1);
  expect_cover({{1, 2, 3, 4}, {2, 5, 3, 4}}, kBlockBytes / 9);
  expect_cover({{1, 2, 3, 4}, {2, 5, 3, 4}}, kBlockBytes / 3);
}

TEST(Blocks, ABoxWithoutElementsHasNone) {
  for_each_block({{0, 0, 0}, {4, 0, 7}}, 8, [](const h5::Slab&) { FAIL(); });
}

}  // namespace
}  // namespace saesweep::results
