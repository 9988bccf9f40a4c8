#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/errors.h"
#include "config/key.h"
#include "config/sweep_file.h"
#include "support/temporary_folder.h"

namespace saesweep::config {
namespace {

const std::string kLeast =
    "[sweep]\nname = 'a'\noutput = 'out'\n[model]\npaths = 'm'\n[text]\ntrain = 't'\n[autointerp]\n";
const std::string kOpenai = "judge.kind=openai";
const std::string kModel = "judge.model=org/judge";
const std::string kUrl = "judge.base_url=http://host:8000/v1";

using Overrides = std::vector<std::string>;

sweep::SweepOptions parse(const Overrides& overrides = {}, const std::string& text = kLeast) {
  return parse_sweep(text, "a.toml", overrides);
}

std::string error_of(const Overrides& overrides, const std::string& text = kLeast) {
  try {
    parse(overrides, text);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

#define EXPECT_HAS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

// The reference settings of the study (docs/design.md): delphi's defaults.
TEST(Scoring, DefaultsAreThoseOfTheReference) {
  const auto options = parse();
  EXPECT_TRUE(options.autointerp.is_wanted);
  EXPECT_EQ(options.autointerp.latents, 100);
  EXPECT_EQ(options.autointerp.scorers, (std::vector<std::string>{"fuzzing", "detection"}));
  EXPECT_EQ(options.autointerp.harvest_tokens, 10'000'000);
  EXPECT_EQ(options.autointerp.explainer_examples, 40);
  EXPECT_EQ(options.autointerp.scorer_examples, 50);
  EXPECT_EQ(options.autointerp.n_silent(), 50);
  EXPECT_EQ(options.autointerp.min_windows, 200);
  EXPECT_EQ(options.judge.kind, "lexical");
  EXPECT_EQ(options.judge.top_logprobs, 5);
  EXPECT_EQ(options.judge.extra_body, "{}");
}

TEST(Scoring, IsWantedWhereTheTableIs) {
  const auto without = kLeast.substr(0, kLeast.find("[autointerp]"));
  EXPECT_FALSE(parse({}, without).autointerp.is_wanted);
  EXPECT_TRUE(parse({"autointerp.latents=5"}, without).autointerp.is_wanted);
  EXPECT_FALSE(parse({"judge.kind=lexical"}, without).autointerp.is_wanted);
}

TEST(Scoring, ASweepWithoutItResolvesToOneWithoutIt) {
  const auto without = kLeast.substr(0, kLeast.find("[autointerp]"));
  const auto resolved = parse({}, without).resolved;
  EXPECT_EQ(resolved.find("[autointerp]"), std::string::npos);
  EXPECT_EQ(resolved.find("[judge]"), std::string::npos);
  EXPECT_FALSE(parse({}, resolved).autointerp.is_wanted);
  EXPECT_EQ(parse({}, resolved).resolved, resolved);
}

TEST(Scoring, DefaultsFitIntoWhatTheyArePartsOf) {
  const auto options = parse({"autointerp.latents=5", "autointerp.scorer_examples=4", "autointerp.entropy_examples=3"});
  EXPECT_EQ(options.autointerp.null_latents, 5);
  EXPECT_EQ(options.autointerp.simulation_examples, 4);
  EXPECT_EQ(options.autointerp.stored_examples, 3);
  EXPECT_EQ(parse({"autointerp.latents=1"}).autointerp.null_latents, 0);
}

TEST(Scoring, AJudgeWithoutItIsKept) {
  const auto without = kLeast.substr(0, kLeast.find("[autointerp]")) + "[judge]\nseed = 3\n";
  const auto again = parse({}, parse({}, without).resolved);
  EXPECT_FALSE(again.autointerp.is_wanted);
  EXPECT_EQ(again.judge.seed, 3);
}

TEST(Scoring, SettingsAreKeptByTheResolvedText) {
  const Overrides given = {"autointerp.latents=20",
                           "autointerp.null_latents=7",
                           "autointerp.scorers=['simulation']",
                           "autointerp.harvest_tokens=100_000",
                           "autointerp.harvest_memory_gb=0.5",
                           "autointerp.window_tokens=16",
                           "autointerp.window=centered",
                           "autointerp.min_windows=60",
                           "autointerp.special_tokens=true",
                           "autointerp.explainer_examples=10",
                           "autointerp.explainer_selection=mix",
                           "autointerp.scorer_examples=20",
                           "autointerp.scorer_selection=random",
                           "autointerp.silent_examples=30",
                           "autointerp.negatives=decoder",
                           "autointerp.fuzz_negatives=silent_tokens",
                           "autointerp.simulation_examples=4",
                           "autointerp.examples_per_prompt=3",
                           "autointerp.mark_threshold=0.25",
                           "autointerp.entropy_examples=39",
                           "autointerp.stored_examples=9",
                           "autointerp.prompt_explanation=explanation_cot"};
  const auto first = parse(given);
  const auto second = parse({}, first.resolved);
  EXPECT_EQ(second.resolved, first.resolved);
  const auto& scoring = second.autointerp;
  EXPECT_EQ(scoring.latents, 20);
  EXPECT_EQ(scoring.null_latents, 7);
  EXPECT_EQ(scoring.scorers, std::vector<std::string>{"simulation"});
  EXPECT_EQ(scoring.harvest_tokens, 100'000);
  EXPECT_EQ(scoring.harvest_memory_gb, 0.5);
  EXPECT_EQ(scoring.window_tokens, 16);
  EXPECT_EQ(scoring.window, "centered");
  EXPECT_EQ(scoring.min_windows, 60);
  EXPECT_TRUE(scoring.special_tokens);
  EXPECT_EQ(scoring.explainer_examples, 10);
  EXPECT_EQ(scoring.explainer_selection, "mix");
  EXPECT_EQ(scoring.scorer_examples, 20);
  EXPECT_EQ(scoring.scorer_selection, "random");
  EXPECT_EQ(scoring.n_silent(), 30);
  EXPECT_EQ(scoring.negatives, "decoder");
  EXPECT_EQ(scoring.fuzz_negatives, "silent_tokens");
  EXPECT_EQ(scoring.simulation_examples, 4);
  EXPECT_EQ(scoring.examples_per_prompt, 3);
  EXPECT_EQ(scoring.mark_threshold, 0.25);
  EXPECT_EQ(scoring.entropy_examples, 39);
  EXPECT_EQ(scoring.stored_examples, 9);
  EXPECT_EQ(scoring.prompts.explanation.name, "explanation_cot");
}

TEST(Scoring, TheJudgeIsKeptByTheResolvedText) {
  const Overrides given = {kOpenai,
                           kModel,
                           "judge.base_url=['http://a:1/v1','https://b/v1']",
                           "judge.api_key_env=JUDGE_KEY",
                           "judge.endpoint_wait=5",
                           "judge.temperature=0.5",
                           "judge.seed=9",
                           "judge.logprobs=false",
                           "judge.top_logprobs=20",
                           "judge.prompt_logprobs=vllm",
                           "judge.max_in_flight=8",
                           "judge.connect_timeout=1.5",
                           "judge.first_byte_timeout=2",
                           "judge.timeout=3",
                           "judge.give_up_after=4",
                           "judge.budget_requests=100",
                           "judge.budget_tokens=1000",
                           "judge.cache_dir=/tmp/cache"};
  const auto first = parse(given);
  const auto second = parse({}, first.resolved);
  EXPECT_EQ(second.resolved, first.resolved);
  const auto& judge = second.judge;
  EXPECT_EQ(judge.kind, "openai");
  EXPECT_EQ(judge.model, "org/judge");
  EXPECT_EQ(judge.base_urls, (std::vector<std::string>{"http://a:1/v1", "https://b/v1"}));
  EXPECT_EQ(judge.api_key_env, "JUDGE_KEY");
  EXPECT_EQ(judge.endpoint_wait, 5);
  EXPECT_EQ(judge.temperature, 0.5);
  EXPECT_EQ(judge.seed, 9);
  EXPECT_FALSE(judge.logprobs);
  EXPECT_EQ(judge.top_logprobs, 20);
  EXPECT_EQ(judge.prompt_logprobs, "vllm");
  EXPECT_EQ(judge.max_in_flight, 8);
  EXPECT_EQ(judge.connect_timeout, 1.5);
  EXPECT_EQ(judge.first_byte_timeout, 2);
  EXPECT_EQ(judge.timeout, 3);
  EXPECT_EQ(judge.give_up_after, 4);
  EXPECT_EQ(judge.budget_requests, 100);
  EXPECT_EQ(judge.budget_tokens, 1000);
  EXPECT_EQ(judge.cache_dir, "/tmp/cache");
  EXPECT_EQ(parse({kOpenai, kModel, kUrl}).judge.base_urls, std::vector<std::string>{"http://host:8000/v1"});
  EXPECT_EQ(parse({kOpenai, kModel, "judge.endpoint_file=url.txt"}).judge.endpoint_file,
            std::filesystem::absolute("url.txt").string());
}

TEST(Scoring, ExtraFieldsAreJsonAndKeptByTheResolvedText) {
  const std::string table =
      "[judge.extra_body]\ntop_p = 0.9\nrepetition_penalty = 1.0\nstop = ['a\"b', \"\\n\"]\nmin_tokens = 1\n"
      "[judge.extra_body.chat_template_kwargs]\nenable_thinking = false\n";
  const auto first = parse({}, kLeast + table);
  EXPECT_EQ(first.judge.extra_body,
            R"({"chat_template_kwargs":{"enable_thinking":false},"min_tokens":1,"repetition_penalty":1.0,)"
            R"("stop":["a\"b","\n"],"top_p":0.9})");
  EXPECT_EQ(parse({}, first.resolved).judge.extra_body, first.judge.extra_body);
  EXPECT_EQ(parse({"judge.extra_body={ 'a.b' = 1 }"}).judge.extra_body, R"({"a.b":1})");
  EXPECT_EQ(parse({}, parse({"judge.extra_body={ 'a.b' = 1e20 }"}).resolved).judge.extra_body, R"({"a.b":1e+20})");
}

// A key that lands where its variable's name belongs is neither taken nor repeated.
TEST(Scoring, AnApiKeyIsNotShown) {
  const std::string key = "sk-proj-abc123";
  const auto in_file = error_of({}, kLeast + "[judge]\napi_key_env = '" + key + "'\n");
  EXPECT_HAS(in_file, "a.toml:10: judge.api_key_env: expected the name of an environment variable");
  EXPECT_EQ(in_file.find("abc123"), std::string::npos) << in_file;
  const auto on_command_line = error_of({"judge.api_key_env=" + key});
  EXPECT_HAS(on_command_line, "--set judge.api_key_env: judge.api_key_env: expected the name");
  EXPECT_EQ(on_command_line.find("abc123"), std::string::npos) << on_command_line;
}

struct Refusal {
  Overrides overrides;
  const char* message;
};

//! The test's name: what is refused.
// NOLINTNEXTLINE(readability-identifier-naming): GoogleTest's name
void PrintTo(const Refusal& refusal, std::ostream* out) {
  *out << refusal.overrides.back();
}

class ScoringRefuses : public testing::TestWithParam<Refusal> {};

TEST_P(ScoringRefuses, NamesFoundAndExpected) {
  const auto error = error_of(GetParam().overrides);
  EXPECT_HAS(error, GetParam().message);
  EXPECT_TRUE(error.starts_with("--set " + GetParam().overrides.back() + ": ")) << error;
}

INSTANTIATE_TEST_SUITE_P(
    Values, ScoringRefuses,
    testing::Values(
        Refusal{{"autointerp.latents=-1"}, "autointerp.latents: found -1, expected an integer of at least 0"},
        Refusal{{"autointerp.latent=3"}, "autointerp.latent: unknown key; did you mean latents?"},
        Refusal{{"autointerp.k=3"}, "did you mean sae.k?"},
        Refusal{{"autointerp.null_latents=101"}, "found 101, expected at most autointerp.latents, 100"},
        Refusal{{"autointerp.latents=1", "autointerp.null_latents=1"}, "the explanation of another latent needs two"},
        Refusal{{"autointerp.scorers=[]"}, "autointerp.scorers: found an empty array"},
        Refusal{{"autointerp.scorers=fuzz"}, "expected \"fuzzing\", \"detection\" or \"simulation\""},
        Refusal{{"autointerp.window_tokens=64"}, "expected a divisor of text.context_length, 2048, of at most 63"},
        Refusal{{"autointerp.window_tokens=33"}, "expected a divisor of text.context_length, 2048"},
        Refusal{{"autointerp.window=middle"}, "expected \"aligned\" or \"centered\""},
        Refusal{{"autointerp.harvest_tokens=2000"}, "expected at least one row (text.context_length, 2048)"},
        Refusal{{"autointerp.harvest_memory_gb=0"}, "expected a number above 0"},
        Refusal{{"autointerp.min_windows=89"}, "explainer_examples + scorer_examples, 40 + 50 = 90"},
        Refusal{{"autointerp.explainer_selection=best"}, "expected \"quantiles\", \"top\", \"random\" or \"mix\""},
        Refusal{{"autointerp.negatives=hard"}, "expected \"random\", \"decoder\" or \"cooccurrence\""},
        Refusal{{"autointerp.fuzz_negatives=silent_token"}, "did you mean \"silent_tokens\"?"},
        Refusal{{"autointerp.mark_threshold=1"}, "expected a number of at least 0 and below 1"},
        Refusal{{"autointerp.stored_examples=41"}, "expected at most entropy_examples, 40"},
        Refusal{{"autointerp.scorers=['simulation']", "autointerp.simulation_examples=51"},
                "expected at most scorer_examples, 50"},
        Refusal{{"autointerp.prompt_fuzzing=fuzing"}, "autointerp.prompt_fuzzing: no prompt \"fuzing\" in "},
        Refusal{{"autointerp.prompt_fuzzing=fuzing"}, "; did you mean fuzzing? There: detection, explanation"},
        Refusal{{"autointerp.prompt_fuzzing=/nowhere/a.toml"},
                "autointerp.prompt_fuzzing: /nowhere/a.toml: no such file"},
        Refusal{{"judge.kind=vllm"}, "expected \"lexical\" or \"openai\""},
        Refusal{{kUrl, kOpenai}, "judge.kind: found \"openai\", which needs judge.model"},
        Refusal{{kModel, kOpenai}, "judge.kind: found \"openai\", which needs the endpoint's address: judge.base_url"},
        Refusal{{kModel, kUrl, kOpenai, "judge.endpoint_file=u"}, "judge.endpoint_file: given together with base_url"},
        Refusal{{"judge.base_url=host:8000"}, "expected an address, as \"http://host:8000/v1\""},
        Refusal{{"judge.base_url=['http://a/v1','http://a/v1']"}, "stands twice in the array"},
        Refusal{{"judge.temperature=-1"}, "expected a number of at least 0"},
        Refusal{{"judge.top_logprobs=1"}, "expected an integer of at least 2"},
        Refusal{{"judge.prompt_logprobs=yes"}, "expected \"none\", \"echo\" or \"vllm\""},
        Refusal{{"judge.extra_body='{}'"}, "expected a table of JSON's values"},
        Refusal{{"judge.extra_body={ t = 07:30:00 }"}, "expected a table of JSON's values"},
        Refusal{{"judge.extra_body={ t = nan }"}, "expected a table of JSON's values"},
        Refusal{{"judge.extra_body={ seed = 1 }"}, "judge.extra_body: found seed, which saesweep sets itself"},
        Refusal{{"judge.timeout=0"}, "expected a number above 0"},
        Refusal{{"judge.budget_requests=-1"}, "expected an integer of at least 0"},
        Refusal{{"judge.max_inflight=1"}, "did you mean max_in_flight?"}));

TEST(Scoring, WhatAnEndpointLacksIsPlacedAtItsKind) {
  EXPECT_HAS(error_of({}, kLeast + "[judge]\nkind = 'openai'\n"), "a.toml:10: judge.kind: found");
}

TEST(Scoring, WhatItAsksMattersOnlyWhereItIsWanted) {
  const auto without = kLeast.substr(0, kLeast.find("[autointerp]"));
  EXPECT_EQ(error_of({"judge.kind=openai"}, without), "");
  EXPECT_EQ(error_of({"text.context_length=100", "sae.batch_tokens=1000", "sae.tokens=1000", "evaluate.ce_tokens=100"},
                     without),
            "");
}

TEST(Scoring, PromptsAreReadFromFilesAnywhere) {
  const test::TemporaryFolder folder;
  const auto file = folder.path() / "own.toml";
  std::ofstream(file) << "task = 'detection'\nuser = '{explanation} {examples}'\nexample = '{text}'\n";
  const auto options = parse({"autointerp.prompt_detection='" + file.string() + "'"});
  EXPECT_EQ(options.autointerp.prompts.detection.user, "{explanation} {examples}");
  EXPECT_EQ(options.autointerp.prompts.detection.path, file.string());
  EXPECT_EQ(parse({}, options.resolved).autointerp.prompts.detection.name, file.string());
  EXPECT_FALSE(options.autointerp.prompts.simulation_prompt.user.empty());
}

TEST(Scoring, AFaultOfAPromptIsPlacedInItsFile) {
  const test::TemporaryFolder folder;
  const auto file = folder.path() / "own.toml";
  std::ofstream(file) << "task = 'fuzzing'\nuser = '{explanation}'\nexample = '{text}'\n";
  EXPECT_HAS(error_of({"autointerp.prompt_fuzzing='" + file.string() + "'"}),
             file.string() + ":2: user: no {examples} in it, which this task needs");
}

TEST(Scoring, ASweepWithoutItNeedsNoPrompts) {
  ASSERT_EQ(setenv("SAESWEEP_PROMPTS", "/nowhere", 1), 0);
  EXPECT_NO_THROW(parse({}, kLeast.substr(0, kLeast.find("[autointerp]"))));
  EXPECT_THROW(parse(), InputError);
  ASSERT_EQ(unsetenv("SAESWEEP_PROMPTS"), 0);
}

TEST(Scoring, PromptsMayLieElsewhere) {
  const test::TemporaryFolder folder;
  for (const auto& entry : std::filesystem::directory_iterator("share/prompts")) {
    std::filesystem::copy(entry.path(), folder.path());
  }
  ASSERT_EQ(setenv("SAESWEEP_PROMPTS", folder.path().c_str(), 1), 0);
  EXPECT_EQ(parse().autointerp.prompts.fuzzing.path, (folder.path() / "fuzzing.toml").string());
  ASSERT_EQ(unsetenv("SAESWEEP_PROMPTS"), 0);
}

}  // namespace
}  // namespace saesweep::config
