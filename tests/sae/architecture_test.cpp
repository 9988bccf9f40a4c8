#include "sae/architecture.h"

#include <gtest/gtest.h>

#include "base/errors.h"
#include "sae/options.h"

namespace saesweep::sae {
namespace {

TEST(Architecture, NamesAreThoseOfSweepFiles) {
  std::vector<std::string> names;
  for (const Architecture architecture : all_architectures()) {
    names.push_back(name_of(architecture));
    EXPECT_EQ(architecture_from(names.back()), architecture);
  }
  EXPECT_EQ(names, (std::vector<std::string>{"topk", "groupmax", "batch_topk", "relu", "jumprelu", "matryoshka"}));
}

TEST(Architecture, AnUnknownNameIsRefusedWithTheKnownOnes) {
  try {
    architecture_from("TopK");
    FAIL();
  } catch (const InputError& error) {
    const std::string message = error.what();
    EXPECT_NE(message.find("'TopK'"), std::string::npos) << message;
    EXPECT_NE(message.find("topk, groupmax, batch_topk, relu, jumprelu, matryoshka"), std::string::npos) << message;
  }
}

TEST(Architecture, SparsityIsSetByKOrByAPenalty) {
  for (const Architecture architecture : all_architectures()) {
    const std::string name = name_of(architecture);
    EXPECT_EQ(takes_k(architecture), name != "relu" && name != "jumprelu") << name;
    EXPECT_EQ(has_common_threshold(architecture), name == "batch_topk" || name == "matryoshka") << name;
  }
}

std::vector<int64_t> sizes(std::vector<double> fractions, int64_t d_in, int64_t expansion_factor) {
  SaeOptions options{.architecture = Architecture::kMatryoshka, .expansion_factor = expansion_factor};
  if (!fractions.empty()) options.matryoshka_fractions = std::move(fractions);
  return options.matryoshka_sizes(d_in);
}

TEST(MatryoshkaSizes, AreSharesOfTheLatents) {
  // Bussmann et al. 2025: 2048, 6144, 14336, 30720 and 65536 latents.
  EXPECT_EQ(sizes({}, 1024, 64), (std::vector<int64_t>{2048, 6144, 14336, 30720, 65536}));
  EXPECT_EQ(sizes({0.25, 0.5, 1}, 64, 4), (std::vector<int64_t>{64, 128, 256}));
  EXPECT_EQ(sizes({0.3, 1}, 5, 2), (std::vector<int64_t>{3, 10}));
}

TEST(MatryoshkaSizes, RiseAndEndWithAllLatents) {
  EXPECT_EQ(sizes({0.001, 0.002, 0.1, 1}, 5, 4), (std::vector<int64_t>{1, 2, 20}));
  EXPECT_EQ(sizes({0.5}, 5, 4), (std::vector<int64_t>{10, 20}));
}

TEST(MatryoshkaSizes, AreNoneForOtherArchitectures) {
  for (const Architecture architecture : all_architectures()) {
    const SaeOptions options{.architecture = architecture};
    EXPECT_EQ(options.matryoshka_sizes(8).empty(), architecture != Architecture::kMatryoshka);
  }
}

}  // namespace
}  // namespace saesweep::sae
