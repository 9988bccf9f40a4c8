#include "config/sweep_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "base/errors.h"
#include "config/key.h"
#include "model/hookpoint.h"

namespace saesweep::config {
namespace {

const std::string kLeast =
    "[sweep]\n"
    "name = 'small'\n"
    "output = 'out'\n"
    "[model]\n"
    "paths = '/models/tiny'\n"
    "[text]\n"
    "train = '/text/*.pod'\n";

sweep::SweepOptions parse(const std::string& text, const std::vector<std::string>& overrides = {}) {
  return parse_sweep(text, "a.toml", overrides);
}

std::string error_of(const std::string& text, const std::vector<std::string>& overrides = {}) {
  try {
    parse(text, overrides);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

#define EXPECT_HAS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

TEST(SweepFile, FillsEveryDefault) {
  const auto options = parse(kLeast);
  EXPECT_EQ(options.name, "small");
  EXPECT_EQ(options.axes.variants.size(), 5u);
  EXPECT_EQ(options.axes.init_seeds, std::vector<int64_t>{0});
  ASSERT_EQ(options.axes.layers.size(), 1u);
  EXPECT_EQ(options.axes.layers[0].stride, 1);
  EXPECT_EQ(options.axes.expansion_factors, std::vector<int64_t>{64});
  EXPECT_EQ(options.axes.ks, std::vector<int64_t>{32});
  EXPECT_EQ(options.axes.tokens, std::vector<int64_t>{100'000'000});
  EXPECT_EQ(options.train.batch_tokens, 65'536);
  EXPECT_FALSE(options.train.learning_rate.has_value());
  EXPECT_EQ(options.text.held_out_fraction, 0.05);
  EXPECT_EQ(options.run.threads, 1);
}

TEST(SweepFile, ReadsTheQuickstart) {
  const auto options = read_sweep("sweeps/quickstart.toml");
  EXPECT_EQ(options.axes.ks, std::vector<int64_t>{16});
  EXPECT_EQ(options.axes.sae_seeds, (std::vector<int64_t>{0, 1}));
  EXPECT_EQ(options.axes.model_paths.at(0), std::filesystem::absolute("models/tiny").string());
  EXPECT_EQ(options.text.held_out.at(0), "@" + std::filesystem::absolute("sweeps/quickstart.held_out.txt").string());
  EXPECT_EQ(options.text.exclude.at(1), "perltoc.pod");
}

TEST(SweepFile, ResolvedTextParsesToTheSameSweep) {
  const auto first = parse(
      "[sweep]\nname = 'a \"b\" \\ c'\noutput = 'out'\n[model]\npaths = ['x', 'y']\n"
      "variants = ['control', 'trained']\nlayers = [[0, 2], { stride = 4 }, 'all']\nrerandomize_norms = true\n"
      "[text]\ntrain = ['t']\nheld_out = 0.1\nexclude = ['*.bak', 'a/b']\ncontext_length = 8\n"
      "[sae]\nk = [4, 8]\nlearning_rate = 1e-05\ntokens = 100\nbatch_tokens = 16\n"
      "[evaluate]\ntokens = 64\nce_tokens = 32\n");
  const auto second = parse(first.resolved);
  EXPECT_EQ(first.resolved, second.resolved);
  EXPECT_EQ(second.name, "a \"b\" \\ c");
  EXPECT_EQ(second.output, first.output);
  EXPECT_EQ(second.axes.model_paths, first.axes.model_paths);
  EXPECT_EQ(second.axes.variants, first.axes.variants);
  ASSERT_EQ(second.axes.layers.size(), 3u);
  EXPECT_EQ(second.axes.layers[0].layers, (std::vector<int64_t>{0, 2}));
  EXPECT_EQ(second.axes.layers[1].stride, 4);
  EXPECT_TRUE(second.model.rerandomize_norms);
  EXPECT_EQ(second.text.held_out_fraction, 0.1);
  EXPECT_EQ(second.text.exclude, first.text.exclude);
  EXPECT_EQ(second.train.learning_rate, 1e-05);
  EXPECT_EQ(second.evaluate.ce_tokens, 32);
  EXPECT_EQ(parse(parse(kLeast).resolved).resolved, parse(kLeast).resolved);
}

TEST(SweepFile, SettingsOfSaesAreKeptByTheResolvedText) {
  const auto options = parse(parse(kLeast + "[sae]\narchitecture = ['relu', 'jumprelu', 'matryoshka']\n"
                                            "l1_penalty = [0.25, 0.5]\nl0_penalty = 0\n"
                                            "matryoshka_fractions = [0.25, 0.5, 1]\nbuffer_tokens = 131_072\n"
                                            "recipe = 'gao'\noptimizer = 'signum'\noptimizer_state = 'bfloat16'\n"
                                            "precision = 'bfloat16'\nwarmup_steps = 7\ndecay = 'linear'\n"
                                            "gradient_accumulation = 4\ngradient_clip = 0.5\nauxk_alpha = 0\n"
                                            "b_dec_start = 'mean'\n")
                                 .resolved);
  using sae::Architecture;
  EXPECT_EQ(options.axes.architectures,
            (std::vector{Architecture::kRelu, Architecture::kJumpRelu, Architecture::kMatryoshka}));
  EXPECT_EQ(options.axes.l1_penalties, (std::vector{0.25, 0.5}));
  EXPECT_EQ(options.axes.l0_penalties, std::vector{0.0});
  EXPECT_EQ(options.sae.matryoshka_fractions, (std::vector{0.25, 0.5, 1.0}));
  EXPECT_EQ(options.train.buffer_tokens, 131'072);
  EXPECT_EQ(options.train.recipe, "gao");
  EXPECT_EQ(options.train.optimizer, "signum");
  EXPECT_EQ(options.train.optimizer_state, "bfloat16");
  EXPECT_EQ(options.train.precision, "bfloat16");
  EXPECT_EQ(options.train.warmup_steps, 7);
  EXPECT_EQ(options.train.decay, "linear");
  EXPECT_EQ(options.train.gradient_accumulation, 4);
  EXPECT_EQ(options.train.gradient_clip, 0.5);
  EXPECT_EQ(options.train.auxk_alpha, 0.0);
  EXPECT_EQ(options.train.b_dec_start, "mean");
}

TEST(SweepFile, WhatTheRecipeDecidesStaysOpen) {
  const auto options = parse(kLeast + "[sae]\nwarmup_steps = 'recipe'\ndecay = 'recipe'\n");
  EXPECT_FALSE(options.train.warmup_steps.has_value());
  EXPECT_FALSE(options.train.decay.has_value());
  EXPECT_FALSE(options.train.gradient_accumulation.has_value());
  EXPECT_FALSE(options.train.gradient_clip.has_value());
  EXPECT_FALSE(options.train.auxk_alpha.has_value());
  EXPECT_FALSE(options.train.b_dec_start.has_value());
}

TEST(SweepFile, MultiTopKIsForTopKAlone) {
  EXPECT_TRUE(parse(kLeast, {"sae.multi_topk=true"}).train.multi_topk);
  EXPECT_HAS(error_of(kLeast, {"sae.multi_topk=true", "sae.architecture=['topk','batch_topk']"}),
             "sae.multi_topk: found true, but MultiTopK is defined for the architecture topk alone");
}

TEST(SweepFile, ResolvedTextNamesEveryKey) {
  const auto resolved = parse(kLeast + "[autointerp]\n").resolved;
  for (const auto& table : tables()) {
    for (const auto& key : table.keys) EXPECT_HAS(resolved, "\n" + key.name + " = ");
  }
}

TEST(SweepFile, IntegersInAnArrayAreOneSelectionOfLayers) {
  EXPECT_EQ(parse(kLeast, {"model.layers=[1,3]"}).axes.layers.size(), 1u);
  EXPECT_EQ(parse(kLeast, {"model.layers=[[1],[3]]"}).axes.layers.size(), 2u);
  EXPECT_EQ(parse(kLeast, {"model.layers=[[1],'all']"}).axes.layers.size(), 2u);
}

TEST(SweepFile, AModelsNameOnTheHubStaysAsItIs) {
  const auto options = parse(kLeast, {"model.paths=['EleutherAI/pythia-70m@step0','models/tiny','a/b/c','x']"});
  EXPECT_EQ(options.axes.model_paths,
            (std::vector<std::string>{"EleutherAI/pythia-70m@step0", std::filesystem::absolute("models/tiny"),
                                      std::filesystem::absolute("a/b/c"), std::filesystem::absolute("x")}));
}

TEST(SweepFile, ATokenizerIsAPathOrNothing) {
  EXPECT_EQ(parse(kLeast).model.tokenizer, "");
  EXPECT_EQ(parse(kLeast, {"model.tokenizer=''"}).model.tokenizer, "");
  EXPECT_EQ(parse(kLeast, {"model.tokenizer=models/t.json"}).model.tokenizer,
            std::filesystem::absolute("models/t.json").string());
}

TEST(SweepFile, AcceptsEveryHookpointThatModelsKnow) {
  for (const auto* name : {"residual", "mlp", "attention", "embed"}) {
    const auto options = parse(kLeast, {std::string("model.hookpoint=") + name});
    EXPECT_NO_THROW(model::hookpoint_kind_from(options.axes.hookpoints.at(0)));
  }
}

TEST(SweepFile, SyntaxErrorHasLineAndColumn) {
  EXPECT_HAS(error_of("[sweep]\nname = \n"), "a.toml:2:");
  EXPECT_HAS(error_of("[sweep]\nname = \n"), "syntax error");
}

TEST(SweepFile, UnknownKeyNamesLineAndNearestKey) {
  const auto error = error_of(kLeast + "[sae]\nk = 4\nexpansion_facto = 16\n");
  EXPECT_HAS(error, "a.toml:10: sae.expansion_facto: unknown key");
  EXPECT_HAS(error, "did you mean expansion_factor?");
  EXPECT_HAS(error, "batch_tokens");
}

TEST(SweepFile, KeyOfAnotherTableIsSuggestedThere) {
  EXPECT_HAS(error_of(kLeast + "context_length = 8\n[sae]\ncontext_length = 8\n"), "did you mean text.context_length?");
}

TEST(SweepFile, UnknownTableNamesTheNearest) {
  EXPECT_HAS(error_of(kLeast + "[evaluat]\nk = 1\n"), "a.toml:8: evaluat: unknown table; did you mean evaluate?");
  EXPECT_HAS(error_of(kLeast + "[sea]\nk = 1\n"), "a.toml:8: sea: unknown table; did you mean sae?");
}

TEST(SweepFile, AToyFileNamesItsCommand) {
  EXPECT_HAS(error_of("[sweep]\nname = 'a'\n[toy]\nlatents = 8\n"),
             "a.toml:3: [toy] is for toy files: saesweep toy a.toml");
  EXPECT_HAS(error_of("toy = 3\n" + kLeast), "a.toml:1: toy: unknown key outside of any table");
}

TEST(SweepFile, KeyOutsideOfTablesIsRefused) {
  EXPECT_HAS(error_of("k = 1\n" + kLeast), "a.toml:1: k: unknown key");
}

TEST(SweepFile, ValueInPlaceOfTableIsRefused) {
  EXPECT_HAS(error_of("sae = 1\n" + kLeast), "expected a table [sae]");
}

TEST(SweepFile, TimesAndTokensOfTheRunAreRead) {
  const auto options = parse(kLeast + "[run]\ngrace = '2 min'\ncheckpoint_every = 4_096\n");
  EXPECT_EQ(options.run.grace_seconds, 120);
  EXPECT_EQ(options.run.checkpoint_every, "4096");
  EXPECT_EQ(parse(kLeast + "[run]\ncheckpoint_every = '10 min'\n").run.checkpoint_every, "10 min");
  EXPECT_HAS(error_of(kLeast + "[run]\ncheckpoint_every = 'often'\n"),
             "run.checkpoint_every: found the string \"often\"");
  EXPECT_HAS(error_of(kLeast + "[run]\ngrace = -1\n"), "run.grace: found -1");
}

TEST(SweepFile, MissingKeyIsNamed) {
  EXPECT_HAS(error_of("[sweep]\nname = 'a'\noutput = 'o'\n[text]\ntrain = 't'\n"), "model.paths: missing");
}

struct Refusal {
  const char* override;
  const char* message;
};

//! The test's name: what is refused.
// NOLINTNEXTLINE(readability-identifier-naming): GoogleTest's name
void PrintTo(const Refusal& refusal, std::ostream* out) {
  *out << refusal.override;
}

class SweepFileRefuses : public testing::TestWithParam<Refusal> {};

TEST_P(SweepFileRefuses, NamesFoundAndExpected) {
  const auto error = error_of(kLeast, {GetParam().override});
  EXPECT_HAS(error, GetParam().message);
  EXPECT_TRUE(error.starts_with(std::string("--set ") + GetParam().override + ": ")) << error;
}

INSTANTIATE_TEST_SUITE_P(
    Values, SweepFileRefuses,
    testing::Values(
        Refusal{"sae.k='many'", "sae.k: found the string \"many\", expected an integer of at least 1"},
        Refusal{"sae.k=1.5", "sae.k: found 1.5, expected an integer"},
        Refusal{"sae.expansion_factor=1000000000000000000", "expected an integer from 1 to 65536"},
        Refusal{"sae.k=0", "sae.k: found 0, expected an integer of at least 1"},
        Refusal{"sae.k=[]", "sae.k: found an empty array, expected an integer of at least 1"},
        Refusal{"sae.k=[4,4]", "sae.k: 4 stands twice"}, Refusal{"sae.tokens=0", "sae.tokens: found 0"},
        Refusal{"sae.tokens=-5", "sae.tokens: found -5"}, Refusal{"sae.tokens=10", "expected at least one batch"},
        Refusal{"model.variants=trainde", "did you mean \"trained\"?"},
        Refusal{"model.variants=[]", "model.variants: found an empty array"},
        Refusal{"model.variants=['step0','step0']", "\"step0\" stands twice"},
        Refusal{"model.layers=[]", "empty array"},
        Refusal{"model.layers=[0,'all']", "model.layers: found 0, expected \"all\""},
        Refusal{"model.layers=[-1]", "model.layers: found [ -1 ]"}, Refusal{"model.layers=[2,2]", "different layers"},
        Refusal{"model.layers={stride=0}", "{ stride = n }"}, Refusal{"model.layers={strid=1}", "{ stride = n }"},
        Refusal{"model.rerandomize_norms=1", "expected true or false"},
        Refusal{"model.dtype=float16", "expected \"float32\" or \"bfloat16\""},
        Refusal{"text.held_out=1.5", "found 1.5, expected paths, or a share"},
        Refusal{"text.held_out=0", "found 0, expected paths, or a share"},
        Refusal{"text.train=[]", "text.train: found an empty array"}, Refusal{"text.train=3", "expected a path"},
        Refusal{"sae.batch_tokens=1000", "expected a multiple of text.context_length, 2048"},
        Refusal{"sae.learning_rate=-1.0", "expected a number above 0, or \"recipe\""},
        Refusal{"sae.architecture=top", "expected \"topk\", \"groupmax\", \"batch_topk\", \"relu\", \"jumprelu\""},
        Refusal{"sae.recipe=sparse", "expected \"sparsify\", \"heap2025\" or \"gao\""},
        Refusal{"sae.optimizer=sgd", "expected \"adam\" or \"signum\""},
        Refusal{"sae.optimizer_state=float16", "expected \"float32\" or \"bfloat16\""},
        Refusal{"sae.precision=float16", "expected \"float32\", \"tf32\" or \"bfloat16\""},
        Refusal{"sae.decay=cosine", "or \"recipe\""}, Refusal{"sae.b_dec_start=zero", "or \"recipe\""},
        Refusal{"sae.warmup_steps=-1", "expected an integer of at least 0, or \"recipe\""},
        Refusal{"sae.gradient_clip=-0.5", "expected a number of at least 0, or \"recipe\""},
        Refusal{"sae.auxk_alpha=nan", "expected a number of at least 0, or \"recipe\""},
        Refusal{"sae.l1_penalty=-0.1", "expected a number of at least 0"},
        Refusal{"sae.l0_penalty=inf", "expected a number of at least 0"},
        Refusal{"sae.gradient_accumulation=0", "expected an integer of at least 1, or \"recipe\""},
        Refusal{"sae.gradient_accumulation=3", "found 3, expected a divisor of sae.batch_tokens, 65536"},
        Refusal{"sae.buffer_tokens=70_000", "found 70000, expected a multiple of sae.batch_tokens, 65536"},
        Refusal{"sae.matryoshka_fractions=[0.5,0.25,1]", "expected rising numbers above 0, the last of them 1"},
        Refusal{"sae.matryoshka_fractions=[0.5,0.5,1]", "0.5 stands twice in the array"},
        Refusal{"sae.matryoshka_fractions=[0.5,0.75]", "expected rising numbers above 0, the last of them 1"},
        Refusal{"evaluate.tokens=0", "evaluate.tokens: found 0"},
        Refusal{"evaluate.ce_tokens=2_000_000", "at most evaluate.tokens, 1000000"},
        Refusal{"run.threads=0", "run.threads: found 0"}, Refusal{"sweep.name=''", "a string that is not empty"},
        Refusal{"sae.kk=3", "sae.kk: unknown key; did you mean k?"}, Refusal{"sea.k=3", "sea: unknown table"},
        Refusal{"k=3", "expected table.key=value"}, Refusal{"sae.k", "expected table.key=value"},
        Refusal{"sae.k=[1", "expected table.key=value"}, Refusal{"\"a.b\"=1", "expected table.key=value"}));

TEST(SweepFile, LineOfAWrongElementIsGiven) {
  EXPECT_HAS(error_of(kLeast + "[sae]\nk = [\n  4,\n  0,\n]\n"), "a.toml:11: sae.k: found 0");
}

TEST(SweepFile, PlacesOfKeysAreKeptForLaterMessages) {
  const auto options = parse(kLeast + "[sae]\nk = 7\n", {"sae.tokens=70_000"});
  EXPECT_EQ(options.place_of("sae.k"), "a.toml:9");
  EXPECT_EQ(options.place_of("sae.seeds"), "a.toml:8") << "its table's";
  EXPECT_EQ(options.place_of("sae.tokens"), "--set sae.tokens=70_000");
  EXPECT_EQ(options.place_of("run.device"), "a.toml");
  EXPECT_HAS(options.text.train_place, ": text.train");
}

TEST(SweepFile, OverrideReplacesAndBareWordIsAString) {
  const auto text = kLeast + "[sae]\nk = [1, 2]\n";
  EXPECT_EQ(parse(text, {"sae.k=7"}).axes.ks, std::vector<int64_t>{7});
  EXPECT_EQ(parse(text, {"sae.k=7", "sae.k=[8,9]"}).axes.ks, (std::vector<int64_t>{8, 9}));
  EXPECT_EQ(parse(text, {"sweep.name=other"}).name, "other");
  EXPECT_EQ(parse(text, {"sweep.output=/tmp/x y"}).output, "/tmp/x y");
  EXPECT_EQ(parse(text, {"run.threads=2"}).run.threads, 2);
}

TEST(SweepFile, MissingFileIsNamed) {
  try {
    read_sweep("/nowhere/a.toml");
    FAIL();
  } catch (const InputError& error) {
    EXPECT_HAS(std::string(error.what()), "/nowhere/a.toml");
  }
}

TEST(SweepFile, KeyListDescribesEveryKey) {
  const auto list = list_keys();
  for (const auto& table : tables()) {
    for (const auto& key : table.keys) {
      EXPECT_HAS(list, "  " + key.name + ": " + key.meaning);
      EXPECT_FALSE(key.meaning.empty());
    }
  }
}

}  // namespace
}  // namespace saesweep::config
