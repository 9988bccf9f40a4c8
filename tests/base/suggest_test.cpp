#include "base/suggest.h"

#include <gtest/gtest.h>

#include <vector>

namespace saesweep {
namespace {

const std::vector<std::string> kWords = {"expansion_factor", "seeds", "k"};

TEST(Nearest, FindsTheWordMeant) {
  EXPECT_EQ(nearest("expantion_factor", kWords), "expansion_factor");
  EXPECT_EQ(nearest("seed", kWords), "seeds");
  EXPECT_EQ(nearest("sea", std::vector<std::string>{"model", "sae"}), "sae");
  EXPECT_EQ(nearest("sede", kWords), "seeds");
}

TEST(Nearest, OffersNothingFarAway) {
  EXPECT_EQ(nearest("zzzzzz", kWords), "");
}

TEST(ListOf, ReadsAsASentence) {
  EXPECT_EQ(list_of(kWords), "expansion_factor, seeds or k");
  EXPECT_EQ(list_of(std::vector<std::string>{"a"}), "a");
}

}  // namespace
}  // namespace saesweep
