#include "model/transformer_lens.h"

#include <gtest/gtest.h>

namespace saesweep::model {
namespace {

TEST(TransformerLens, NamesOfHookpointsAreReadBack) {
  for (const std::string name : {"embed_in", "layers.0", "layers.11", "layers.3.attention", "layers.3.mlp"}) {
    const auto found = hookpoint_of_transformer_lens(transformer_lens_name(hookpoint_from(name)));
    ASSERT_TRUE(found.has_value()) << name;
    EXPECT_EQ(found->name(), name);
  }
}

TEST(TransformerLens, TheStreamThatABlockReadsIsThatAfterTheOneBefore) {
  EXPECT_EQ(hookpoint_of_transformer_lens("blocks.4.hook_resid_pre")->name(), "layers.3");
  EXPECT_EQ(hookpoint_of_transformer_lens("blocks.0.hook_resid_pre")->name(), "embed_in");
}

TEST(TransformerLens, OtherHooksHaveNoHookpoint) {
  for (const char* name : {"", "blocks.", "blocks.x.hook_resid_post", "blocks.3.hook_resid_mid", "model.layers.3",
                           "blocks.-1.hook_resid_post", "blocks.3.attn.hook_z", "blocks.3.hook_mlp_out.hook"}) {
    EXPECT_FALSE(hookpoint_of_transformer_lens(name).has_value()) << name;
  }
}

}  // namespace
}  // namespace saesweep::model
