#include "sweep/toy_training.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "toy/batch_training.h"

namespace saesweep::sweep {
namespace {

toy::ToyOptions small_toy() {
  toy::ToyOptions options;
  options.data = {"superposed", "gaussian"};
  options.hookpoints = {"input"};
  options.latents = {16};
  options.penalties = {0.1, 1.0};
  options.seeds = {0, 1};
  options.drawn = {.features = 16, .d_in = 8, .active_features = 2, .samples = 100};
  options.training.epochs = 2;
  return options;
}

std::vector<size_t> places_of(const std::vector<ToyCell>& cells) {
  std::vector<size_t> places(cells.size());
  std::iota(places.begin(), places.end(), size_t{0});
  return places;
}

TEST(ToyTraining, AnSaeThatDivergesInItsLastStepFails) {
  toy::ToyOptions options = small_toy();
  options.training.learning_rate = 1e30;
  const std::vector<ToyCell> cells = expand_toy(options, {});
  ToyTraining training(options, {}, cells, at::Device(at::kCPU), 0);
  for (const ToyOutcome& outcome : training.train(places_of(cells), [] { return false; })) {
    EXPECT_NE(outcome.failure.find("a lower learning_rate may help"), std::string::npos) << outcome.failure;
  }
}

TEST(ToyTraining, OnTheCpuEachSaeIsAnItem) {
  const toy::ToyOptions options = small_toy();
  const std::vector<ToyCell> cells = expand_toy(options, {});
  const ToyTraining training(options, {}, cells, at::Device(at::kCPU), 0);
  EXPECT_EQ(training.items(places_of(cells)).size(), cells.size());
}

TEST(ToyTraining, OnCudaAnItemIsOfOneDataSetAndHasHalfOfTheMemory) {
  const toy::ToyOptions options = small_toy();
  const std::vector<ToyCell> cells = expand_toy(options, {});
  const auto items_in = [&](uint64_t bytes) {
    return ToyTraining(options, {}, cells, at::Device(at::kCUDA), bytes).items(places_of(cells));
  };
  const uint64_t one = toy::batch_bytes(options.training, 100, 8, 16), data = toy::samples_bytes(100, 8);
  using Items = std::vector<std::vector<size_t>>;
  EXPECT_EQ(items_in(200 * one), (Items{{0, 1, 2, 3}, {4, 5, 6, 7}}));
  EXPECT_EQ(items_in(2 * (3 * one + 2 * data)), (Items{{0, 1, 2}, {3}, {4, 5, 6}, {7}}));
  EXPECT_EQ(items_in(2 * (3 * one + 2 * data) - 2), (Items{{0, 1}, {2, 3}, {4, 5}, {6, 7}}));
  EXPECT_EQ(items_in(1).size(), cells.size());
}

}  // namespace
}  // namespace saesweep::sweep
