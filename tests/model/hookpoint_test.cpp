#include "model/hookpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/errors.h"
#include "model/options.h"
#include "model/small_model.h"

namespace saesweep::model {
namespace {

using Kind = Hookpoint::Kind;

TEST(HookpointNames, AreThoseOfTheModelsModules) {
  EXPECT_EQ((Hookpoint{Kind::kEmbedding, -1}.name()), "embed_in");
  EXPECT_EQ((Hookpoint{Kind::kResidual, 3}.name()), "layers.3");
  EXPECT_EQ((Hookpoint{Kind::kAttention, 12}.name()), "layers.12.attention");
  EXPECT_EQ((Hookpoint{Kind::kMlp, 0}.name()), "layers.0.mlp");
}

TEST(HookpointNames, AreReadBack) {
  for (const char* name : {"embed_in", "layers.3", "layers.12.attention", "layers.0.mlp"}) {
    EXPECT_EQ(hookpoint_from(name).name(), name);
  }
}

TEST(HookpointNames, UnknownOnesAreRefused) {
  for (const char* name : {"", "layers", "layers.", "layers.x", "layers.-1", "layers.1.", "layers.1.mlp.act",
                           "layers.1x", "embed_out", "layers.99999999999999999999"}) {
    EXPECT_THAT(test::message_of<InputError>([&] { hookpoint_from(name); }), ::testing::HasSubstr("layers.N.mlp"))
        << name;
  }
}

TEST(HookpointNames, KindsOfASweepFile) {
  EXPECT_EQ(hookpoint_kind_from("residual"), Kind::kResidual);
  EXPECT_EQ(hookpoint_kind_from("mlp"), Kind::kMlp);
  EXPECT_EQ(hookpoint_kind_from("attention"), Kind::kAttention);
  EXPECT_EQ(hookpoint_kind_from("embed"), Kind::kEmbedding);
  EXPECT_THROW(hookpoint_kind_from("resid_post"), InputError);
}

TEST(VariantNames, AreReadBack) {
  for (const char* name : {"trained", "rerandomized_incl", "rerandomized_excl", "step0", "control"}) {
    EXPECT_EQ(name_of(variant_from(name)), name);
  }
  EXPECT_THAT(test::message_of<InputError>([] { variant_from("random"); }), ::testing::HasSubstr("rerandomized_excl"));
}

}  // namespace
}  // namespace saesweep::model
