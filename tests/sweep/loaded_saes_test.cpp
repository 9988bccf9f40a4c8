#include "sweep/loaded_saes.h"

#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/errors.h"
#include "sae/saelens_folder.h"
#include "support/temporary_folder.h"
#include "sweep/cost.h"
#include "sweep/output.h"
#include "sweep/small_sweep.h"

namespace saesweep::sweep {
namespace {

//! One SAE a layer of the trained model, each jumprelu of 2,050 latents: no multiple of the width, 128.
SweepOptions loading_sweep() {
  auto options = small_sweep();
  options.axes.variants = {model::Variant::kTrained};
  options.load = "/saes/{model}-{variant}/{init_seed}/{hookpoint}";
  return options;
}

ResolvedInputs loading_inputs() {
  auto inputs = small_inputs();
  for (int layer = 0; layer < 6; ++layer) {
    const std::string place = "/saes/tiny-trained/-1/layers." + std::to_string(layer);
    inputs.saes[place] = {{.architecture = sae::Architecture::kJumpRelu, .d_in = 128, .n_latents = 2050}, "hash"};
  }
  return inputs;
}

TEST(LoadedSaes, StandOnceAtEachPlaceWithTheirOwnSettings) {
  const auto cells = expand(loading_sweep(), loading_inputs());
  ASSERT_EQ(cells.size(), 6u);
  const Cell& cell = cells[5];
  EXPECT_EQ(cell.sae_folder, "/saes/tiny-trained/-1/layers.5");
  EXPECT_EQ(cell.sae.architecture, sae::Architecture::kJumpRelu);
  EXPECT_EQ(cell.n_latents, 2050);
  EXPECT_EQ(cell.sae.expansion_factor, 16);
  EXPECT_EQ(cell.sae.k, 0);
  EXPECT_EQ(cell.sae_seed, -1);
  EXPECT_EQ(cell.tokens, 0);
  EXPECT_FALSE(row_of(cell).penalty.has_value());
  EXPECT_EQ(describe(cell), "tiny trained layers.5 jumprelu of 2050 latents from /saes/tiny-trained/-1/layers.5");
}

TEST(LoadedSaes, ContentAndNeitherPlaceNorTrainingSettingsMakeTheId) {
  const std::string id = expand(loading_sweep(), loading_inputs())[0].id;
  auto options = loading_sweep();
  options.train.learning_rate = 0.5;
  options.axes.tokens = {1};
  EXPECT_EQ(expand(options, loading_inputs())[0].id, id);
  auto moved = loading_inputs();
  options.load = "/elsewhere/{hookpoint}";
  for (const auto& [folder, sae] : loading_inputs().saes) {
    moved.saes["/elsewhere/" + folder.substr(folder.rfind('/') + 1)] = sae;
  }
  EXPECT_EQ(expand(options, moved)[0].id, id);
  auto changed = loading_inputs();
  changed.saes.begin()->second.hash = "another";
  EXPECT_NE(expand(loading_sweep(), changed)[0].id, id);
  EXPECT_EQ(expand(loading_sweep(), changed)[1].id, expand(loading_sweep(), loading_inputs())[1].id);
}

TEST(LoadedSaes, CostNoTrainingAndNoOptimizer) {
  const auto loaded = expand(loading_sweep(), loading_inputs())[0];
  auto trained = loaded;
  trained.sae_folder.clear();
  trained.tokens = 100'000'000;
  const CostModel cost(loading_sweep(), loading_inputs());
  EXPECT_LT(10 * cost.cell_seconds(loaded), cost.cell_seconds(trained));
  EXPECT_LT(10 * cost.shared_seconds(std::vector{&loaded}), cost.shared_seconds(std::vector{&trained}));
  const uint64_t parameters = 2 * 128 * 2050 + 2050 + 128;
  auto options = loading_sweep();
  options.model.forward_tokens = options.train.batch_tokens;
  const CostModel same_batch(options, loading_inputs());
  EXPECT_EQ(same_batch.memory_bytes(std::vector{&trained}) - same_batch.memory_bytes(std::vector{&loaded}),
            8 * parameters);
  EXPECT_LT(output_bytes(std::vector{loaded}, options) + 4 * parameters, output_bytes(std::vector{trained}, options));
}

std::string error_of(const std::string& load) {
  auto options = loading_sweep();
  options.load = load;
  try {
    resolve_saes(options, small_inputs());
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

TEST(LoadedSaes, OneFolderForSeveralHookpointsIsRefused) {
  EXPECT_NE(error_of("/saes/one").find("6 hookpoints"), std::string::npos);
}

TEST(LoadedSaes, OtherNamesInBracesAreRefused) {
  EXPECT_NE(error_of("/saes/{hookpoint}/{layer}").find("{layer} is not known"), std::string::npos);
  EXPECT_NE(error_of("/saes/{hookpoint}/{mod").find("{ without }"), std::string::npos);
}

TEST(LoadedSaes, MissingFoldersAreNamed) {
  EXPECT_NE(error_of("/nowhere/{hookpoint}").find("/nowhere/layers.0/cfg.json"), std::string::npos);
}

TEST(LoadedSaes, OfAnotherHookpointAreRefused) {
  const test::TemporaryFolder folder;
  const auto folder_at = [&](const std::string& name, const char* hook) {
    const sae::Parameters parameters{at::ones({256, 128}), at::zeros({256}), at::ones({256, 128}), at::zeros({128})};
    sae::save_saelens(folder.path() / name, {sae::Architecture::kTopK, 4, parameters}, {"tiny", hook});
  };
  folder_at("one", "blocks.4.hook_resid_post");
  folder_at("layers.3", "");
  folder_at("unknown", "model.layers.5");
  const auto error_at = [&](const std::string& name, int64_t layer) {
    auto options = loading_sweep();
    options.load = (folder.path() / name).string();
    options.axes.layers = {LayerSelection{.layers = {layer}}};
    try {
      resolve_saes(options, small_inputs());
    } catch (const InputError& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  EXPECT_EQ(error_at("one", 4), "accepted");
  EXPECT_NE(error_at("one", 1).find("an SAE of layers.4 by its cfg.json, expected one of layers.1"), std::string::npos);
  EXPECT_EQ(error_at("layers.3", 3), "accepted");
  EXPECT_NE(error_at("layers.3/", 1).find("an SAE of layers.3 by its folder's name"), std::string::npos);
  EXPECT_EQ(error_at("unknown", 2), "accepted");
}

}  // namespace
}  // namespace saesweep::sweep
