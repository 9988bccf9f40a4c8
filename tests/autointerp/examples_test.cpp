#include "autointerp/examples.h"

#include <gtest/gtest.h>

#include <set>

#include "autointerp/windows.h"

namespace saesweep::autointerp {
namespace {

AutointerpOptions options(int64_t explainer, int64_t scorer) {
  AutointerpOptions made;
  made.explainer_examples = explainer;
  made.scorer_examples = scorer;
  made.entropy_examples = 5;
  made.stored_examples = 3;
  return made;
}

std::set<int64_t> rows(const std::vector<Window>& windows) {
  std::set<int64_t> found;
  for (const Window& window : windows) found.insert(window.row);
  return found;
}

TEST(Examples, NoWindowIsBothTheExplainersAndAScorers) {
  for (const char* selection : {"quantiles", "top", "random", "mix"}) {
    AutointerpOptions wanted = options(40, 50);
    wanted.explainer_selection = selection;
    const LatentExamples chosen = choose_examples(test::drawn_latent(1, 300), wanted);
    EXPECT_EQ(rows(chosen.explainer).size(), 40u) << selection;
    EXPECT_EQ(rows(chosen.firing).size(), 50u) << selection;
    for (const int64_t row : rows(chosen.firing)) EXPECT_FALSE(rows(chosen.explainer).contains(row)) << selection;
  }
}

TEST(Examples, QuantilesGiveEachTenthItsShare) {
  const evaluate::LatentWindows latent = test::drawn_latent(2, 400);
  const LatentExamples chosen = choose_examples(latent, options(40, 50));
  std::vector<int> counts(kQuantiles, 0);
  for (const int32_t quantile : chosen.firing_quantile) ++counts[static_cast<size_t>(quantile)];
  EXPECT_EQ(counts, std::vector<int>(kQuantiles, 5));
  for (size_t i = 0; i < chosen.firing.size(); ++i) {
    const auto n_below = std::count_if(latent.firing.begin(), latent.firing.end(), [&](const Window& window) {
      return peak_of(window) < peak_of(chosen.firing[i]);
    });
    EXPECT_GE(chosen.firing_quantile[i], n_below * kQuantiles / 400);
  }
  ASSERT_EQ(chosen.peak_quantiles.size(), 11u);
  EXPECT_TRUE(std::is_sorted(chosen.peak_quantiles.begin(), chosen.peak_quantiles.end()));
  EXPECT_EQ(chosen.peak_quantiles.back(), peak_of(latent.top.front()));
}

TEST(Examples, TopShowsTheHighestPeaksAndMixHalfOfThem) {
  const evaluate::LatentWindows latent = test::drawn_latent(3, 200);
  AutointerpOptions wanted = options(10, 20);
  wanted.explainer_selection = "top";
  const std::vector<Window> top(latent.top.begin(), latent.top.begin() + 10);
  EXPECT_EQ(rows(choose_examples(latent, wanted).explainer), rows(top));
  wanted.explainer_selection = "mix";
  const std::set<int64_t> mixed = rows(choose_examples(latent, wanted).explainer);
  const std::set<int64_t> half = rows({top.begin(), top.begin() + 5});
  EXPECT_TRUE(std::includes(mixed.begin(), mixed.end(), half.begin(), half.end()));
  EXPECT_EQ(mixed.size(), 10u);
}

TEST(Examples, ARareLatentGivesTheExplainerItsWindowsFirst) {
  const LatentExamples chosen = choose_examples(test::drawn_latent(4, 45), options(40, 50));
  EXPECT_EQ(chosen.explainer.size(), 40u);
  EXPECT_EQ(chosen.firing.size(), 5u);
}

}  // namespace
}  // namespace saesweep::autointerp
