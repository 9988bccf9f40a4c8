#include "config/toy_file.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "base/errors.h"

namespace saesweep::config {
namespace {

const std::string kLeast = "[sweep]\nname = 'small'\noutput = '/out'\n[toy]\n";

std::string error_of(const std::string& text) {
  try {
    parse_toy(text, "a.toml");
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "accepted";
}

#define EXPECT_HAS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

TEST(ToyFile, HasThePapersDefaults) {
  const toy::ToyOptions options = parse_toy(kLeast + "latents = 512\n", "a.toml");
  EXPECT_EQ(options.data, (std::vector<std::string>{"superposed", "gaussian"}));
  EXPECT_EQ(options.hookpoints, (std::vector<std::string>{"input", "mlp"}));
  ASSERT_EQ(options.penalties.size(), 21);
  EXPECT_DOUBLE_EQ(options.penalties[0], 1e-3);
  EXPECT_NEAR(options.penalties[10], std::pow(10, -0.5), 1e-12);
  EXPECT_DOUBLE_EQ(options.penalties[20], 100);
  EXPECT_EQ(options.drawn.samples, 10000);
  EXPECT_EQ(options.training.batch, 256);
}

TEST(ToyFile, TheResolvedTextReadsBackAlike) {
  for (const std::string more : {"latents = [8, 16]\npenalties = [1e-3, 0.1]\n",
                                 "expansion_factor = 2\nembeddings = "
                                 "'/glove.txt'\nsamples = 0\n"}) {
    const toy::ToyOptions options = parse_toy(kLeast + more, "a.toml");
    EXPECT_EQ(parse_toy(options.resolved, "b.toml").resolved, options.resolved);
  }
}

TEST(ToyFile, EmbeddingsBringTheirOwnKindsOfData) {
  const toy::ToyOptions options = parse_toy(kLeast + "latents = 8\nembeddings = '/glove.txt'\n", "a.toml");
  EXPECT_EQ(options.data, (std::vector<std::string>{"embedding", "gaussian"}));
}

TEST(ToyFile, KeysOfSuperposedInputsAreRefusedBesideEmbeddings) {
  const std::string embeddings = kLeast + "latents = 8\nembeddings = '/glove.txt'\n";
  for (const std::string key : {"features = 32", "d_in = 16", "active_features = 2", "decay = 0.5"}) {
    const std::string name = key.substr(0, key.find(' '));
    EXPECT_HAS(error_of(embeddings + key + "\n"),
               fmt::format("a.toml:7: toy.{}: stands beside toy.embeddings, but says how", name));
    EXPECT_EQ(error_of(fmt::format("{}latents = 8\nembeddings = []\n{}\n", kLeast, key)), "accepted");
  }
  EXPECT_EQ(parse_toy(embeddings, "a.toml").resolved.find("d_in"), std::string::npos);
}

TEST(ToyFile, SaysWhatIsWrongAndWhere) {
  EXPECT_HAS(error_of(kLeast + "latent = 8\n"), "a.toml:5: toy.latent: unknown key; did you mean latents?");
  EXPECT_HAS(error_of(kLeast + "latents = 8\nthreads = 2\n"),
             "a.toml:6: toy.threads: unknown key; did you mean "
             "run.threads?");
  EXPECT_HAS(error_of(kLeast + "latents = 8\n[text]\ntrain = 'a'\n"),
             "a.toml:6: [text] is for sweep files: saesweep run a.toml");
  EXPECT_HAS(error_of(kLeast + "latents = 0\n"),
             "a.toml:5: toy.latents: found 0, expected an integer from 1 to 2147483647");
  EXPECT_HAS(error_of(kLeast + "latents = 3_000_000_000\n"), "found 3000000000, expected an integer from 1 to");
  EXPECT_HAS(error_of(kLeast), "a.toml:4: toy.latents: missing, expected it or toy.expansion_factor");
  EXPECT_HAS(error_of(kLeast + "latents = 8\nexpansion_factor = 2\n"), "a.toml:6: toy.expansion_factor: stands beside");
  EXPECT_HAS(error_of(kLeast + "latents = 8\npenalties = { from = 1, to = 0.1, count = 3 }\n"),
             "a.toml:6: toy.penalties: found a table");
  EXPECT_HAS(error_of(kLeast + "latents = 8\ndata = 'embedding'\n"), "no toy.embeddings say of what");
  EXPECT_HAS(error_of(kLeast + "latents = 8\ndata = 'superposd'\n"), "did you mean \"superposed\"?");
  EXPECT_HAS(error_of("[toy]\nlatents = 8\n"), "sweep.name: missing");
}

TEST(ToyFile, ListsItsKeys) {
  EXPECT_HAS(list_toy_keys(), "  batch: samples a step");
}

}  // namespace
}  // namespace saesweep::config
