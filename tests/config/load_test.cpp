#include <gtest/gtest.h>

#include <filesystem>

#include "base/errors.h"
#include "config/sweep_file.h"

namespace saesweep::config {
namespace {

//! A context that does not divide the default batch: no batch is trained.
const std::string kLoading =
    "[sweep]\nname = 'a'\noutput = 'out'\n[model]\npaths = 'm'\n[text]\ntrain = 't'\ncontext_length = 100\n"
    "[sae]\nload = 'saes/{hookpoint}'\n";

TEST(Load, IsAbsoluteAndKeptByTheResolvedText) {
  const auto options = parse_sweep(kLoading, "a.toml", {});
  EXPECT_EQ(options.load, (std::filesystem::current_path() / "saes/{hookpoint}").string());
  const auto again = parse_sweep(options.resolved, "b.toml", {});
  EXPECT_EQ(again.load, options.load);
  EXPECT_EQ(again.resolved, options.resolved);
}

TEST(Load, KeysOfTrainingBesideItAreRefusedByName) {
  for (const std::string key :
       {"architecture = 'topk'", "expansion_factor = 4", "k = 4", "seeds = [0, 1]", "tokens = 1000", "l1_penalty = 1",
        "l0_penalty = 1", "batch_tokens = 100", "recipe = 'gao'", "learning_rate = 1e-3"}) {
    try {
      parse_sweep(kLoading + key + "\n", "a.toml", {});
      ADD_FAILURE() << key;
    } catch (const ConfigError& error) {
      const std::string message = error.what();
      EXPECT_NE(message.find("a.toml:11: sae." + key.substr(0, key.find(' ')) + ": "), std::string::npos) << message;
      EXPECT_NE(message.find("sae.load"), std::string::npos) << message;
    }
  }
}

}  // namespace
}  // namespace saesweep::config
