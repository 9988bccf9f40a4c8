#include "evaluate/harvest.h"

#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "base/files.h"
#include "base/random.h"
#include "support/temporary_folder.h"
#include "text/sample_tokenizer.h"
#include "text/store_build.h"
#include "text/token_rows.h"
#include "text/token_store.h"

namespace saesweep::evaluate {
namespace {

constexpr int64_t kContext = 32;
constexpr int64_t kWindow = 8;
constexpr int64_t kRows = 120;
constexpr int64_t kLatents = 400;

//! What a latent makes of a token: of four latents the first never fires, the second on one token of the whole text,
//! the third on nearly all, the fourth on some characters.
float activation(int64_t latent, int64_t row, int64_t position, int64_t id) {
  const Stream stream{"activation", latent};
  const auto strength = 1 + static_cast<float>(stream.bits(static_cast<uint64_t>(row * kContext + position)) % 1000);
  switch (latent % 4) {
    case 0:
      return 0;
    case 1:
      return row == 3 && position == 5 ? strength : 0;
    case 2:
      return strength;
    default:
      return Stream{"fires", latent, id}.bits(0) % 16 == 0 ? strength : 0;
  }
}

class HarvestTest : public testing::Test {
 protected:
  HarvestTest() {
    const Stream letters{"letters"};
    std::string text;
    for (uint64_t i = 0; i < (kRows + 2) * kContext; ++i) text += static_cast<char>('a' + letters.bits(i) % 26);
    text.replace(20 * kContext, kContext, text.substr(7 * kContext, kContext));  // windows that come twice
    write_file(folder_.path() / "text.txt", text);
    const auto tokenizer = text::Tokenizer::load(test::write_tokenizer(folder_.path()));
    text::make_store(folder_.path() / "text.tokens", {folder_.path() / "text.txt"}, tokenizer);
    store_.emplace(text::TokenStore::open(folder_.path() / "text.tokens"));
    rows_.emplace(text::TokenStream(*store_, [](const Digest&) { return true; }), kContext);
    std::vector<int64_t> sample(kRows - 10);
    std::iota(sample.begin(), sample.end(), 5);
    text_.emplace(*rows_, sample, kWindow);
  }

  sae::Codes codes(int64_t place, int64_t n_rows) const {
    std::vector<int64_t> starts{0};
    std::vector<int32_t> latents;
    std::vector<float> values;
    for (int64_t row = place; row < place + n_rows; ++row) {
      const std::vector<int64_t> ids = text_->row_ids(row);
      for (int64_t position = 0; position < kContext; ++position) {
        for (int64_t latent = 0; latent < kLatents; ++latent) {
          const float value = activation(latent, row, position, ids[static_cast<size_t>(position)]);
          if (value == 0) continue;
          latents.push_back(static_cast<int32_t>(latent));
          values.push_back(value);
        }
        starts.push_back(static_cast<int64_t>(latents.size()));
      }
    }
    return {at::tensor(starts, at::kLong), at::tensor(latents, at::kInt), at::tensor(values, at::kFloat)};
  }

  CellHarvest harvest(const HarvestOptions& options, int64_t batch_rows = 7, bool shrinks = false) {
    Harvest harvest(*text_, "hash", options, 0, decoder_);
    n_readings_ = 0;
    while (harvest.begin_reading()) {
      ++n_readings_;
      const auto n_rows = static_cast<int64_t>(text_->sample().size());
      for (int64_t place = 0; place < n_rows; place += batch_rows) {
        if (!made_.contains({place, batch_rows})) {
          made_.emplace(std::pair(place, batch_rows), codes(place, std::min(batch_rows, n_rows - place)));
        }
        harvest.add(made_.at({place, batch_rows}), place);
        for (int i = 0; shrinks && i < 12; ++i) harvest.shrink();
      }
      harvest.end_reading();
    }
    return harvest.finish();
  }

  HarvestOptions options(int64_t n_latents) const {
    return {.n_latents = n_latents,
            .min_windows = 40,
            .n_silent = 10,
            .n_drawn = 50,
            .n_top = 6,
            .is_centered = false,
            .negatives = Negatives::kRandom};
  }

  test::TemporaryFolder folder_;
  std::optional<text::TokenStore> store_;
  std::optional<text::TokenRows> rows_;
  std::optional<HarvestText> text_;
  at::Tensor decoder_ = at::randn({kLatents, 4});
  std::map<std::pair<int64_t, int64_t>, sae::Codes> made_;
  int n_readings_ = 0;
};

TEST_F(HarvestTest, CountsAndKeepsWhatASlowTwinDoes) {
  const CellHarvest found = harvest(options(5));
  ASSERT_EQ(found.latents.size(), 5u);
  EXPECT_EQ(found.n_windows, text_->n_counted());
  EXPECT_LT(text_->n_counted(), text_->n_windows()) << "the repeated row must count once";
  for (const LatentWindows& latent : found.latents) {
    int64_t n_firings = 0, n_firing = 0;
    std::set<std::vector<int64_t>> seen;
    std::vector<float> peaks;
    for (int64_t window = 0; window < text_->n_windows(); ++window) {
      const int64_t row = window / 4, start = window % 4 * kWindow;
      const std::vector<int64_t> ids = text_->row_ids(row);
      float peak = 0;
      for (int64_t i = start; i < start + kWindow; ++i) {
        const float value = activation(latent.latent, row, i, ids[static_cast<size_t>(i)]);
        n_firings += value > 0 ? 1 : 0;
        peak = std::max(peak, value);
      }
      const bool is_new = seen.emplace(ids.begin() + start, ids.begin() + start + kWindow).second;
      if (!is_new || peak == 0) continue;
      ++n_firing;
      peaks.push_back(peak);
    }
    std::sort(peaks.rbegin(), peaks.rend());
    EXPECT_EQ(latent.n_firings, n_firings);
    EXPECT_EQ(latent.n_firing_windows, n_firing);
    EXPECT_EQ(latent.n_silent_windows, text_->n_counted() - n_firing);
    ASSERT_EQ(latent.top.size(), 6u);
    for (size_t i = 0; i < 6; ++i) {
      EXPECT_EQ(*std::max_element(latent.top[i].activations.begin(), latent.top[i].activations.end()), peaks[i]);
    }
    EXPECT_EQ(latent.firing.size(), std::min<size_t>(50, static_cast<size_t>(n_firing)));
    for (const Window& window : latent.firing) {
      const int64_t place = text_->place_of(window.row);
      for (int64_t i = 0; i < kWindow; ++i) {
        const auto id = static_cast<int64_t>(window.ids[static_cast<size_t>(i)]);
        EXPECT_EQ(window.activations[static_cast<size_t>(i)], activation(latent.latent, place, window.start + i, id));
      }
    }
  }
}

TEST_F(HarvestTest, SaysWhyLatentsArePassedOver) {
  const CellHarvest found = harvest(options(30));
  std::map<LatentStatus, int64_t> counts;
  for (int64_t latent = 0; latent < kLatents; ++latent) {
    const LatentStatus status = found.status[static_cast<size_t>(latent)];
    ++counts[status];
    if (status == LatentStatus::kNotDrawn || status == LatentStatus::kQualified) continue;
    const LatentStatus expected[] = {LatentStatus::kDead, LatentStatus::kRare, LatentStatus::kDense};
    if (latent % 4 < 3) {
      EXPECT_EQ(status, expected[latent % 4]) << latent;
    }
  }
  EXPECT_EQ(counts[LatentStatus::kQualified], 30);
  EXPECT_EQ(found.n_drawn, kLatents - counts[LatentStatus::kNotDrawn]);
  EXPECT_EQ(found.latents.size(), 30u);
}

TEST_F(HarvestTest, TheOrderEndsWhereTooFewQualify) {
  const CellHarvest found = harvest(options(kLatents));
  EXPECT_EQ(found.n_drawn, kLatents);
  EXPECT_LT(found.latents.size(), 101u);
  EXPECT_GT(found.latents.size(), 50u);
}

TEST_F(HarvestTest, IsTheSameHoweverItIsReadAndWhateverMemoryAllows) {
  for (const Negatives negatives : {Negatives::kRandom, Negatives::kDecoder, Negatives::kCooccurrence}) {
    for (const bool is_centered : {false, true}) {
      HarvestOptions wanted = options(30);
      wanted.negatives = negatives;
      wanted.is_centered = is_centered;
      const CellHarvest plain = harvest(wanted);
      const int n_readings = n_readings_;
      const CellHarvest shrunk = harvest(wanted, 30, true);
      EXPECT_EQ(plain, shrunk);
      EXPECT_GT(n_readings_, n_readings);
    }
  }
}

TEST_F(HarvestTest, CenteredWindowsHaveTheirPeakAtThreeQuarters) {
  HarvestOptions wanted = options(5);
  wanted.is_centered = true;
  const CellHarvest found = harvest(wanted);
  ASSERT_EQ(found.latents.size(), 5u);
  for (const LatentWindows& latent : found.latents) {
    for (const Window& window : latent.firing) {
      const auto peak = std::max_element(window.activations.begin(), window.activations.end());
      EXPECT_EQ(peak - window.activations.begin(), 3 * kWindow / 4);
    }
  }
}

TEST_F(HarvestTest, SilentWindowsAreSilentAndHardOnesAreThoseOfNeighbours) {
  HarvestOptions wanted = options(10);
  wanted.negatives = Negatives::kCooccurrence;
  for (const Negatives negatives : {Negatives::kRandom, Negatives::kCooccurrence}) {
    wanted.negatives = negatives;
    for (const LatentWindows& latent : harvest(wanted).latents) {
      EXPECT_EQ(latent.silent.size(), 10u);
      std::set<std::pair<int64_t, int32_t>> places;
      for (const Window& window : latent.silent) {
        EXPECT_TRUE(places.emplace(window.row, window.start).second) << "a window twice";
        const int64_t place = text_->place_of(window.row);
        for (int64_t i = 0; i < kWindow; ++i) {
          const auto id = static_cast<int64_t>(window.ids[static_cast<size_t>(i)]);
          EXPECT_EQ(activation(latent.latent, place, window.start + i, id), 0);
        }
      }
    }
  }
}

TEST_F(HarvestTest, WindowsWithSpecialTokensCountNowhere) {
  const std::vector<int64_t> sample = text_->sample();
  const int64_t n_all = text_->n_counted();
  text_.emplace(*rows_, sample, kWindow, std::vector<uint32_t>{'e', 'n'});
  EXPECT_LT(text_->n_counted(), n_all);
  EXPECT_GT(text_->n_counted(), 0);
  for (const bool is_centered : {false, true}) {
    HarvestOptions wanted = options(5);
    wanted.is_centered = is_centered;
    const CellHarvest found = harvest(wanted);
    EXPECT_EQ(found.latents.size(), 5u);
    for (const LatentWindows& latent : found.latents) {
      for (const auto* windows : {&latent.top, &latent.firing, &latent.silent}) {
        for (const Window& window : *windows) {
          EXPECT_TRUE(
              std::none_of(window.ids.begin(), window.ids.end(), [](uint32_t id) { return id == 'e' || id == 'n'; }));
        }
      }
    }
  }
}

}  // namespace
}  // namespace saesweep::evaluate
