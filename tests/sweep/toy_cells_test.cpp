#include "sweep/toy_cells.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "base/errors.h"
#include "sweep/toy_memory.h"

namespace saesweep::sweep {
namespace {

toy::ToyOptions small_toy() {
  toy::ToyOptions options;
  options.source = "toy.toml";
  options.data = {"superposed"};
  options.hookpoints = {"input"};
  options.latents = {16};
  options.penalties = {0.1};
  options.seeds = {0};
  options.drawn = {.features = 16, .d_in = 8, .active_features = 2, .samples = 100};
  return options;
}

toy::Embeddings embeddings(const std::string& name, int64_t n, double value) {
  return {.name = name, .rows = at::full({n, 4}, value, at::kFloat), .hash = name + std::to_string(value)};
}

std::string error_of(const toy::ToyOptions& options, const std::vector<toy::Embeddings>& all = {}) {
  try {
    expand_toy(options, all);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "accepted";
}

#define EXPECT_HAS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

TEST(ToyCells, SamplesThatLeaveNoneToTrainOrToMeasureOnAreRefused) {
  toy::ToyOptions options = small_toy();
  EXPECT_EQ(error_of(options), "accepted");
  options.drawn.samples = 4;
  EXPECT_HAS(error_of(options), "toy.held_out: found 0.1, which divides the 4 samples of toy into 4 to train on and 0");
  options.drawn.samples = 2;
  options.drawn.held_out = 0.9;
  EXPECT_HAS(error_of(options), "into 0 to train on and 2 to measure on");
}

TEST(ToyCells, AMatrixOfTooFewRowsIsRefused) {
  toy::ToyOptions options = small_toy();
  options.data = {"embedding"};
  EXPECT_EQ(error_of(options, {embeddings("glove", 10, 1)}), "accepted");
  EXPECT_HAS(error_of(options, {embeddings("glove", 3, 1)}), "the 3 samples of glove");
}

TEST(ToyCells, TwoMatricesOfOneNameAreRefused) {
  toy::ToyOptions options = small_toy();
  options.data = {"embedding"};
  EXPECT_HAS(error_of(options, {embeddings("glove", 10, 1), embeddings("glove", 10, 2)}),
             "two matrices are called glove");
}

TEST(ToyCells, OnCudaTheyAreOthersThanOnTheCpu) {
  toy::ToyOptions options = small_toy();
  const auto ids = [&](const std::string& device) {
    options.device = device;
    const ToyCell cell = expand_toy(options, {}).front();
    return std::pair(cell.id, cell.evaluate_id);
  };
  EXPECT_EQ(ids("cpu"), ids("auto"));
  EXPECT_NE(ids("cpu").first, ids("cuda").first);
  EXPECT_NE(ids("cpu").second, ids("cuda").second);
}

TEST(ToyMemory, CountsThreadsSaesAndTheDataSetsThatAreKept) {
  toy::ToyOptions options = small_toy();
  options.drawn.samples = 1000;
  const auto need = [&] { return toy_need(options, {}, expand_toy(options, {})).bytes; };
  const double one = need(), data = 4.0 * 1000 * 8, sae = 4.0 * 16 * (8 * 8 + 2 * 256);
  options.threads = 2;
  EXPECT_DOUBLE_EQ(need() - one, sae);
  options.seeds = {0, 1, 2, 3, 4};
  EXPECT_DOUBLE_EQ(need() - one, sae + 2 * data);
  options.latents = {16, 64};
  const std::vector<ToyCell> cells = expand_toy(options, {});
  EXPECT_EQ(toy_need(options, {}, cells).cell->n_latents, 64);
}

TEST(ToyMemory, WhatDoesNotFitIsRefused) {
  toy::ToyOptions options = small_toy();
  const auto check = [&](uint64_t bytes) { check_toy_memory(options, {}, expand_toy(options, {}), bytes); };
  check(1'000'000);
  EXPECT_THROW(check(1'000), ConfigError);
  options.latents = {100'000'000'000};
  EXPECT_THROW(check(uint64_t{1} << 40), ConfigError);
  options = small_toy();
  options.drawn.samples = 100'000'000'000;
  EXPECT_THROW(check(uint64_t{1} << 40), ConfigError);
}

}  // namespace
}  // namespace saesweep::sweep
