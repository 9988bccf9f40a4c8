#include "sae/top_k.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "base/random.h"

namespace saesweep::sae {
namespace {

struct Kept {
  std::vector<float> values;
  std::vector<int32_t> latents;

  bool operator==(const Kept&) const = default;
};

Kept kept_of(const Codes& codes) {
  const float* values = codes.values.const_data_ptr<float>();
  const int32_t* latents = codes.latents.const_data_ptr<int32_t>();
  return {{values, values + codes.n_entries()}, {latents, latents + codes.n_entries()}};
}

//! What is kept of one token's products, given in strips.
Kept kept_by_top_k(const std::vector<float>& products, const std::vector<float>& bias, size_t k) {
  TopKCandidates candidates(1, static_cast<int64_t>(k));
  const auto n = static_cast<int64_t>(products.size());
  for (int64_t first = 0; first < n; first += kTileLatents) {
    std::vector<float> strip(kTileLatents, 0.0F);
    const int64_t n_latents = std::min(kTileLatents, n - first);
    std::copy_n(products.begin() + first, n_latents, strip.begin());
    candidates.add({0, 1, first, n_latents, strip.data()}, bias);
  }
  return kept_of(candidates.codes());
}

//! A stable sort of all sums, largest first.
Kept kept_by_sort(const std::vector<float>& products, const std::vector<float>& bias, size_t k) {
  std::vector<std::pair<float, int32_t>> sums;
  for (size_t i = 0; i < products.size(); ++i) {
    const float sum = products[i] + bias[i];
    if (sum > 0) sums.emplace_back(sum, static_cast<int32_t>(i));
  }
  std::stable_sort(sums.begin(), sums.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  sums.resize(std::min(sums.size(), k));
  std::sort(sums.begin(), sums.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  Kept kept;
  for (const auto& [value, latent] : sums) {
    kept.values.push_back(value);
    kept.latents.push_back(latent);
  }
  return kept;
}

std::vector<float> drawn_row(size_t n, int64_t seed, float shift = 0) {
  const Stream stream{std::string("row"), seed};
  std::vector<float> row(n);
  for (size_t i = 0; i < n; ++i) row[i] = static_cast<float>(stream.normal(i)) + shift;
  return row;
}

std::vector<float> in_halves(std::vector<float> row) {
  for (float& value : row) value = std::round(2 * value) / 2;
  return row;
}

// Rows below, at and above a strip of 32, and with a rest; k up to and above 64, and above the row.
const std::vector<size_t> kLengths = {1, 15, 16, 31, 32, 33, 64, 200, 1000, 2048};
const std::vector<size_t> kCounts = {1, 2, 16, 63, 64, 65, 100, 500};

TEST(TopK, KeepsWhatASortKeeps) {
  for (const size_t n : kLengths) {
    const std::vector<float> bias = drawn_row(n, 100);
    for (const size_t k : kCounts) {
      for (int64_t seed = 0; seed < 5; ++seed) {
        const std::vector<float> row = drawn_row(n, seed);
        EXPECT_EQ(kept_by_top_k(row, bias, k), kept_by_sort(row, bias, k)) << "n " << n << ", k " << k;
      }
    }
  }
}

TEST(TopK, KeepsTheLowerLatentAmongEquals) {
  for (const size_t n : kLengths) {
    const std::vector<float> bias(n, 0.5F);
    for (const size_t k : kCounts) {
      for (int64_t seed = 0; seed < 5; ++seed) {
        const std::vector<float> row = in_halves(drawn_row(n, seed));
        EXPECT_EQ(kept_by_top_k(row, bias, k), kept_by_sort(row, bias, k)) << "n " << n << ", k " << k;
      }
    }
  }
  const std::vector<float> equal(300, 1.0F);
  EXPECT_EQ(kept_by_top_k(equal, std::vector<float>(300), 3), (Kept{{1, 1, 1}, {0, 1, 2}}));
}

TEST(TopK, KeepsFewerWhereFewArePositive) {
  std::vector<float> row(130, -1.0F);
  row[3] = 2;
  row[70] = 0;
  row[129] = 1;
  EXPECT_EQ(kept_by_top_k(row, std::vector<float>(130), 4), (Kept{{2, 1}, {3, 129}}));
  EXPECT_EQ(kept_by_top_k(row, std::vector<float>(130, -5), 2), Kept{});
  for (int64_t seed = 0; seed < 20; ++seed) {
    const std::vector<float> sparse = drawn_row(1000, seed, -2.5F);
    EXPECT_EQ(kept_by_top_k(sparse, std::vector<float>(1000), 16), kept_by_sort(sparse, std::vector<float>(1000), 16));
  }
}

TEST(TopK, AddsTheBias) {
  EXPECT_EQ(kept_by_top_k({1, 2, 3}, {10, 0, -4}, 2), (Kept{{11, 2}, {0, 1}}));
}

TEST(TopK, NeverKeepsNaN) {
  constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
  for (const size_t n : kLengths) {
    for (const size_t k : kCounts) {
      std::vector<float> row = drawn_row(n, 1);
      for (size_t i = 0; i < n; i += 3) row[i] = kNaN;
      EXPECT_EQ(kept_by_top_k(row, std::vector<float>(n), k), kept_by_sort(row, std::vector<float>(n), k))
          << "n " << n << ", k " << k;
    }
  }
  EXPECT_EQ(kept_by_top_k(std::vector<float>(100, kNaN), std::vector<float>(100), 2), Kept{});
}

// Codes of two tokens, whose entries are a row of sums above a threshold below or at 0.
TEST(Largest, KeepsWhatASortKeepsOfTheEntriesAbove0) {
  for (const float lowest : {-1.0F, 0.0F}) {
    for (const size_t k : {1, 3, 50, 1000}) {
      const std::vector<std::vector<float>> rows = {in_halves(drawn_row(200, 1)), drawn_row(200, 2)};
      std::vector<int64_t> counts;
      for (const auto& row : rows) {
        counts.push_back(std::count_if(row.begin(), row.end(), [=](float value) { return value > lowest; }));
      }
      const Codes codes = make_codes(counts, [&](int64_t token, float* values, int32_t* latents) {
        for (size_t i = 0; i < 200; ++i) {
          const float value = rows[static_cast<size_t>(token)][i];
          if (!(value > lowest)) continue;
          *values++ = value;
          *latents++ = static_cast<int32_t>(i);
        }
      });
      const Codes kept = largest(codes, static_cast<int64_t>(k));
      Kept expected;
      for (const auto& row : rows) {
        const Kept more = kept_by_sort(row, std::vector<float>(200), k);
        expected.values.insert(expected.values.end(), more.values.begin(), more.values.end());
        expected.latents.insert(expected.latents.end(), more.latents.begin(), more.latents.end());
      }
      EXPECT_EQ(kept_of(kept), expected) << "k " << k << ", above " << lowest;
      const Kept first = kept_by_sort(rows[0], std::vector<float>(200), k);
      EXPECT_EQ(kept.starts[1].item<int64_t>(), static_cast<int64_t>(first.values.size()));
    }
  }
}

}  // namespace
}  // namespace saesweep::sae
