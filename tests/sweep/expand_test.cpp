#include "sweep/expand.h"

#include <gtest/gtest.h>

#include <set>

#include "base/errors.h"
#include "sweep/small_sweep.h"

namespace saesweep::sweep {
namespace {

std::string error_of(const SweepOptions& options, const ResolvedInputs& inputs) {
  try {
    expand(options, inputs);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

TEST(Expand, MultipliesTheAxes) {
  const auto cells = expand(small_sweep(), small_inputs());
  ASSERT_EQ(cells.size(), 60u);
  std::set<std::string> ids;
  for (const auto& cell : cells) ids.insert(cell.id);
  EXPECT_EQ(ids.size(), 60u);
  EXPECT_EQ(cells[0].d_in, 128);
  EXPECT_EQ(cells[0].n_latents, 2048);
  EXPECT_EQ(cells[0].model_name, "tiny");
}

TEST(Expand, LaterAxesRunFastest) {
  auto options = small_sweep();
  options.axes.ks = {4, 8};
  const auto cells = expand(options, small_inputs());
  EXPECT_EQ(describe(cells[0]), "tiny trained layers.0 topk R16 k4 seed 0, 204800 tokens");
  EXPECT_EQ(describe(cells[1]), "tiny trained layers.0 topk R16 k4 seed 1, 204800 tokens");
  EXPECT_EQ(describe(cells[2]), "tiny trained layers.0 topk R16 k8 seed 0, 204800 tokens");
  EXPECT_EQ(describe(cells[4]), "tiny trained layers.1 topk R16 k4 seed 0, 204800 tokens");
  EXPECT_EQ(describe(cells[24]), "tiny rerandomized_incl init 0 layers.0 topk R16 k4 seed 0, 204800 tokens");
}

TEST(Expand, InitSeedsMultiplyOnlyTheVariantsTheyEnter) {
  auto options = small_sweep();
  options.axes.init_seeds = {3, 4, 5};
  const auto cells = expand(options, small_inputs());
  EXPECT_EQ(cells.size(), (2u + 3u * 3u) * 12u);
  for (const auto& cell : cells) {
    const bool is_read = cell.variant == model::Variant::kTrained || cell.variant == model::Variant::kStep0;
    EXPECT_EQ(cell.init_seed < 0, is_read) << describe(cell);
  }
}

TEST(Expand, InitSeedsMultiplyAStep0ThatIsDrawn) {
  auto options = small_sweep();
  options.axes.variants = {model::Variant::kStep0};
  options.axes.init_seeds = {3, 4, 5};
  auto inputs = small_inputs();
  inputs.models.at("/models/tiny").step0_is_drawn = true;
  const auto cells = expand(options, inputs);
  EXPECT_EQ(cells.size(), 3u * 12u);
  std::set<int64_t> seeds;
  for (const auto& cell : cells) seeds.insert(cell.init_seed);
  EXPECT_EQ(seeds, (std::set<int64_t>{3, 4, 5}));
}

TEST(Expand, StrideAndListsChooseLayers) {
  auto options = small_sweep();
  options.axes.variants = {model::Variant::kTrained};
  options.axes.sae_seeds = {0};
  options.axes.layers = {{.stride = 4, .layers = {}}, {.stride = 1, .layers = {5, 1}}};
  std::vector<int64_t> layers;
  for (const auto& cell : expand(options, small_inputs())) layers.push_back(cell.hookpoint.layer);
  EXPECT_EQ(layers, (std::vector<int64_t>{0, 4, 5, 1}));
}

TEST(Expand, EmbeddingIgnoresLayers) {
  auto options = small_sweep();
  options.axes.variants = {model::Variant::kTrained};
  options.axes.sae_seeds = {0};
  options.axes.hookpoints = {"embed", "mlp"};
  options.axes.layers = {{.stride = 1, .layers = {0}}, {.stride = 1, .layers = {1}}};
  const auto cells = expand(options, small_inputs());
  ASSERT_EQ(cells.size(), 3u);
  EXPECT_EQ(cells[0].hookpoint.name(), "embed_in");
  EXPECT_EQ(cells[1].hookpoint.name(), "layers.0.mlp");
}

TEST(Expand, LayerOutOfRangeNamesLayerModelAndNumber) {
  auto options = small_sweep();
  options.axes.layers = {{.stride = 1, .layers = {0, 6}}};
  EXPECT_EQ(error_of(options, small_inputs()),
            "small.toml: model.layers: layer 6 is out of range: the model /models/tiny has 6 layers, 0 to 5");
}

TEST(Expand, KAboveLatentsIsRefused) {
  auto options = small_sweep();
  options.axes.ks = {2048};
  EXPECT_EQ(error_of(options, small_inputs()), "");
  options.axes.ks = {2049};
  EXPECT_NE(error_of(options, small_inputs()).find("sae.k: 2049 is more than the 2048 latents"), std::string::npos);
}

TEST(Expand, GroupsOfGroupmaxMustPartTheLatentsEvenly) {
  auto options = small_sweep();
  options.axes.architectures = {sae::Architecture::kGroupMax};
  options.axes.ks = {16, 48};
  EXPECT_NE(error_of(options, small_inputs()).find("sae.k: 48 groups of groupmax do not part evenly the 2048 latents"),
            std::string::npos);
  options.axes.architectures = {sae::Architecture::kTopK};
  EXPECT_EQ(error_of(options, small_inputs()), "");
}

TEST(Expand, ReluAndJumpreluTakePenaltiesInPlaceOfK) {
  auto options = small_sweep();
  options.axes.variants = {model::Variant::kTrained};
  options.axes.layers = {{.stride = 1, .layers = {0}}};
  options.axes.sae_seeds = {0};
  options.axes.architectures = {sae::Architecture::kRelu, sae::Architecture::kBatchTopK, sae::Architecture::kJumpRelu};
  options.axes.ks = {8, 16};
  options.axes.l1_penalties = {0.25, 0.5, 0.75};
  options.axes.l0_penalties = {0.125};
  std::vector<std::string> found;
  for (const auto& cell : expand(options, small_inputs())) found.push_back(describe(cell));
  const auto line = [](const std::string& sae) { return "tiny trained layers.0 " + sae + " seed 0, 204800 tokens"; };
  EXPECT_EQ(found, (std::vector<std::string>{line("relu R16 penalty 0.25"), line("relu R16 penalty 0.5"),
                                             line("relu R16 penalty 0.75"), line("batch_topk R16 k8"),
                                             line("batch_topk R16 k16"), line("jumprelu R16 penalty 0.125")}));
}

TEST(Expand, ContextLongerThanTheModelsIsRefused) {
  auto options = small_sweep();
  options.text.context_length = 512;
  EXPECT_NE(error_of(options, small_inputs()).find("text.context_length: 512"), std::string::npos);
}

TEST(Expand, RepeatedLayerIsRefused) {
  auto options = small_sweep();
  options.axes.layers = {{.stride = 1, .layers = {0, 1}}, {.stride = 1, .layers = {1}}};
  EXPECT_NE(error_of(options, small_inputs()).find("tiny trained layers.1"), std::string::npos);
}

TEST(Expand, SameCheckpointUnderTwoPathsIsRefused) {
  auto options = small_sweep();
  options.axes.model_paths = {"/models/tiny", "/models/copy"};
  auto inputs = small_inputs();
  inputs.models.emplace("/models/copy", small_model());
  EXPECT_NE(error_of(options, inputs).find("/models/copy"), std::string::npos);
}

}  // namespace
}  // namespace saesweep::sweep
