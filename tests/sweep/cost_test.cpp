#include "sweep/cost.h"

#include <gtest/gtest.h>

#include "sweep/small_sweep.h"

namespace saesweep::sweep {
namespace {

//! A core of one operation, and of one byte, a second: seconds are counts.
constexpr CoreSpeed kFlopsOnly = {.flops = 1, .bytes = 1e30};
constexpr CoreSpeed kBytesOnly = {.flops = 1e30, .bytes = 1};

Cell cell_at(int64_t layer) {
  for (const auto& cell : expand(small_sweep(), small_inputs())) {
    if (cell.hookpoint.layer == layer) return cell;
  }
  return {};
}

// A block of width 128, MLP 512, context 256: 2 (4 * 128^2 + 2 * 128 * 512) + 4 * 256 * 128 = 524,288 operations a
// token; the unembedding 2 * 128 * 4096 = 1,048,576.
constexpr double kBlock = 524'288;
constexpr double kUnembedding = 1'048'576;

TEST(Cost, ForwardStopsAfterTheLastHookpoint) {
  const CostModel cost(small_sweep(), small_inputs(), kFlopsOnly);
  const Cell first = cell_at(0);
  const std::vector<const Cell*> cells = {&first};
  const double read = 204'800 + 2 * 50'000;
  const double clean = 6 * kBlock + kUnembedding;
  const double zeroed = 5 * kBlock + kUnembedding;
  EXPECT_DOUBLE_EQ(cost.shared_seconds(cells), read * kBlock + 8'000 * (clean + zeroed));
}

TEST(Cost, CellsShareTheForward) {
  const CostModel cost(small_sweep(), small_inputs(), kFlopsOnly);
  const Cell first = cell_at(0);
  const Cell last = cell_at(5);
  const double alone = cost.shared_seconds(std::vector{&first}) + cost.shared_seconds(std::vector{&last});
  const double together = cost.shared_seconds(std::vector{&first, &last});
  EXPECT_LT(together, alone);
  EXPECT_GT(together, cost.shared_seconds(std::vector{&last}));
  EXPECT_DOUBLE_EQ(cost.shared_seconds(std::vector{&last, &last}), cost.shared_seconds(std::vector{&last}));
}

TEST(Cost, CellPaysEncoderSparseDecoderAndPatchedForward) {
  const CostModel cost(small_sweep(), small_inputs(), kFlopsOnly);
  const double encoder = 2 * 128 * 2048;
  const double decoder = 2 * 128 * 16;
  const double expected = 204'800 * (encoder + 4 * decoder) + 100'000 * (encoder + decoder) +
                          8'000 * (encoder + decoder + 5 * kBlock + kUnembedding);
  EXPECT_DOUBLE_EQ(cost.cell_seconds(cell_at(0)), expected);
}

TEST(Cost, AdamMovesSixFloatsAParameter) {
  const CostModel cost(small_sweep(), small_inputs(), kBytesOnly);
  const double parameters = 2 * 128 * 2048 + 2048 + 128;
  const double expected = 200 * 24 * parameters + 312'800.0 * 12 * 2048;
  EXPECT_NEAR(cost.cell_seconds(cell_at(0)) / expected, 1, 1e-9);
}

TEST(Cost, ThreadsDivideTheProducts) {
  auto options = small_sweep();
  const double one = CostModel(options, small_inputs(), kFlopsOnly).cell_seconds(cell_at(0));
  options.run.threads = 4;
  EXPECT_DOUBLE_EQ(CostModel(options, small_inputs(), kFlopsOnly).cell_seconds(cell_at(0)), one / 4);
}

TEST(Cost, MemoryCountsWeightsMomentsAndActivations) {
  const CostModel cost(small_sweep(), small_inputs());
  const Cell first = cell_at(0);
  const Cell last = cell_at(5);
  const double parameters = 2 * 128 * 2048 + 2048 + 128;
  const double weights = 4 * (2.0 * 4096 * 128 + 6 * (4 * 128 * 128 + 2 * 128 * 512));
  const double logits = 4.0 * 256 * 4096;
  // Packed rows of the product; of each token its centered input, the gradient of its reconstruction, k codes of 28
  // bytes and the candidates for them, of 8.
  const auto k = static_cast<double>(first.sae.k);
  const double step = (40 << 20) + 1024.0 * (2 * 4 * 128 + 28 * k + 8 * (k + 64 + 48));
  EXPECT_EQ(cost.memory_bytes(std::vector{&first}),
            static_cast<uint64_t>(weights + logits + step + 12 * parameters + 4.0 * 1024 * 128));
  EXPECT_EQ(cost.memory_bytes(std::vector{&first, &last}),
            static_cast<uint64_t>(weights + logits + step + 24 * parameters + 8.0 * 1024 * 128));
  const auto with_state = [&](const char* optimizer, const char* state) {
    auto options = small_sweep();
    options.train.optimizer = optimizer;
    options.train.optimizer_state = state;
    return static_cast<double>(CostModel(options, small_inputs()).memory_bytes(std::vector{&first}));
  };
  const double adam = with_state("adam", "float32");
  EXPECT_NEAR(adam - with_state("adam", "bfloat16"), 4 * parameters, 1);
  EXPECT_NEAR(adam - with_state("signum", "float32"), 4 * parameters, 1);
  EXPECT_NEAR(adam - with_state("signum", "bfloat16"), 6 * parameters, 1);
  // AuxK: residual, gradient of its reconstruction, and d / 2 dead latents.
  auto options = small_sweep();
  options.train.auxk_alpha = 0.1;
  const auto with_auxk = CostModel(options, small_inputs()).memory_bytes(std::vector{&first});
  EXPECT_NEAR(static_cast<double>(with_auxk) - adam, 1024.0 * (2 * 4 * 128 + 28 * 64 + 8 * (2 * 64 + 48)), 1);
}

TEST(Cost, StagesAddUpAndHarvestIsCountedWhereItIsWanted) {
  auto options = small_sweep();
  const Cell first = cell_at(0), last = cell_at(5);
  const std::vector<const Cell*> cells = {&first, &last};
  const CostModel without(options, small_inputs(), kFlopsOnly);
  EXPECT_EQ(without.stages(cells).harvest, 0);
  EXPECT_DOUBLE_EQ(without.stages(cells).total(),
                   without.shared_seconds(cells) + without.cell_seconds(first) + without.cell_seconds(last));
  options.autointerp.is_wanted = true;
  options.autointerp.harvest_tokens = 30'000;
  const CostModel with(options, small_inputs(), kFlopsOnly);
  EXPECT_EQ(with.stages(cells).train, without.stages(cells).train);
  EXPECT_EQ(with.stages(cells).evaluate, without.stages(cells).evaluate);
  EXPECT_DOUBLE_EQ(with.stages(cells).harvest, 30'000 * (6 * kBlock + 2 * (2 * 128 * 2048 + 2 * 128 * 16)));
}

// Of a latent: a bit for each of 640 windows; 10 x 30 drawn windows and the 40 highest, of 32 activations of 4 bytes
// and 56 beside.
TEST(Cost, MemoryOfHarvestCountsOnTheCpuWhereItIsMoreThanTheSteps) {
  auto options = small_sweep();
  const Cell first = cell_at(0);
  const auto bytes = [&] {
    return static_cast<double>(CostModel(options, small_inputs()).memory_bytes(std::vector{&first}));
  };
  const double training = bytes();
  options.autointerp.is_wanted = true;
  options.autointerp.harvest_tokens = 20'480;
  options.autointerp.explainer_examples = 10;
  options.autointerp.scorer_examples = 20;
  EXPECT_EQ(bytes(), training);  // below what a step works with
  options.autointerp.latents = 500;
  const double latent = 640.0 / 8 + (10 * 30 + 40) * (32 * 4 + 56);
  const double step = (40 << 20) + 1024.0 * (2 * 4 * 128 + 28 * 16 + 8 * (16 + 64 + 48));
  EXPECT_NEAR(bytes() - training, (2048 + 500) * latent + 48 * 2048 - step, 1);
  options.autointerp.harvest_memory_gb = 0.02;
  EXPECT_NEAR(bytes() - training, std::max(0.0, 20e6 + 500 * latent + 48 * 2048 - step), 1);
  options.run.device = "cuda";  // windows stand in the host's memory
  EXPECT_EQ(bytes(), training);
}

}  // namespace
}  // namespace saesweep::sweep
