#include "sweep/assumed_inputs.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/errors.h"
#include "base/share.h"
#include "sweep/small_sweep.h"

namespace saesweep::sweep {
namespace {

SweepOptions sweep_of(const std::string& model) {
  ::setenv("HF_HUB_CACHE", "/nowhere", 1);
  SweepOptions options = small_sweep();
  options.axes.model_paths = {model};
  options.text.train = {"/nowhere/*.jsonl"};
  options.text.held_out_fraction = 0.1;
  return options;
}

TEST(AssumedInputs, AHubNameThatIsNotCachedHasTheShapeOfTheConfigThatIsBrought) {
  const auto [inputs, notes] = assume_inputs(sweep_of("EleutherAI/pythia-410m"));
  const ModelInputs& model = inputs.models.at("EleutherAI/pythia-410m");
  EXPECT_EQ(model.config.n_layers, 24);
  EXPECT_EQ(model.config.d_model, 1024);
  EXPECT_EQ(model.source.name, "pythia-410m");
  EXPECT_FALSE(model.step0_is_drawn);  // the hub has that revision
  ASSERT_EQ(notes.size(), 2U);
  EXPECT_NE(notes[0].find("EleutherAI/pythia-410m is not in the local hub cache"), std::string::npos) << notes[0];
  EXPECT_NE(notes[1].find("the text was not found"), std::string::npos) << notes[1];
}

TEST(AssumedInputs, RevisionsAndDeduplicatedModelsHaveTheSameShape) {
  for (const std::string name : {"EleutherAI/pythia-70m-deduped", "EleutherAI/pythia-70m@step1000"}) {
    const auto assumed = assume_inputs(sweep_of(name));
    EXPECT_EQ(assumed.inputs.models.at(name).config.d_model, 512) << name;
    EXPECT_EQ("EleutherAI/" + assumed.inputs.models.at(name).source.name, name);
  }
}

TEST(AssumedInputs, AFolderThatIsElsewhereHasTheShapeThatItsNameSays) {
  for (const std::string name : {"/nowhere/pythia-70m", "/nowhere/pythia-70m-deduped/"}) {
    const auto [inputs, notes] = assume_inputs(sweep_of(name));
    EXPECT_EQ(inputs.models.at(name).config.d_model, 512) << name;
    EXPECT_TRUE(inputs.models.at(name).source.name.starts_with("pythia-70m")) << name;
    EXPECT_TRUE(notes.at(0).starts_with(name + " is not here; its shape is that of ")) << notes[0];
  }
}

TEST(AssumedInputs, AConfigAloneNeedsNoWeightsForAnyVariant) {
  const std::string config = configs_folder() / "pythia-70m.json";
  const SweepOptions options = sweep_of(config);
  const auto [inputs, notes] = assume_inputs(options);
  EXPECT_TRUE(inputs.models.at(config).step0_is_drawn);
  EXPECT_EQ(expand(options, inputs).size(), 60U);
  EXPECT_EQ(notes.size(), 1U);
}

TEST(AssumedInputs, OtherModelsThatAreNotHereAreRefused) {
  EXPECT_THROW(assume_inputs(sweep_of("/nowhere/model")), ModelError);
  EXPECT_THROW(assume_inputs(sweep_of("EleutherAI/gpt-j-6b")), ModelError);
  EXPECT_THROW(assume_inputs(sweep_of("other/pythia-70m")), ModelError);
}

}  // namespace
}  // namespace saesweep::sweep
