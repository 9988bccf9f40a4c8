#include "config/prompt_file.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/errors.h"

namespace saesweep::config {
namespace {

const std::string kFuzzing =
    "task = \"fuzzing\"\nmax_tokens = 64\nsystem = 'Judge { these }.'\nuser = '''{explanation}:\n{examples}'''\n"
    "example = '{number} {text}'\n[[shot]]\nuser = 'q'\nassistant = '[1]'\n";

std::string error_of(const std::string& text, const std::string& task) {
  try {
    parse_prompt(text, "a.toml", task);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

//! The fuzzing prompt with a part of it replaced.
std::string spoilt(const std::string& old, const std::string& by) {
  auto text = kFuzzing;
  return text.replace(text.find(old), old.size(), by);
}

#define EXPECT_HAS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

TEST(PromptFile, IsReadAsItStands) {
  const auto prompt = parse_prompt(kFuzzing, "a.toml", "fuzzing");
  EXPECT_EQ(prompt.source_text, kFuzzing);
  EXPECT_EQ(prompt.path, "a.toml");
  EXPECT_EQ(prompt.system, "Judge { these }.");
  EXPECT_EQ(prompt.user, "{explanation}:\n{examples}");
  EXPECT_EQ(prompt.example, "{number} {text}");
  EXPECT_EQ(prompt.max_tokens, 64);
  EXPECT_EQ(prompt.answer_after, "");
  EXPECT_EQ(prompt.shots, (std::vector<judge::Message>{{"user", "q"}, {"assistant", "[1]"}}));
}

TEST(PromptFile, AllThatTheProgramBringsAreGood) {
  size_t n = 0;
  for (const auto& entry : std::filesystem::directory_iterator("share/prompts")) {
    const auto stem = entry.path().stem().string();
    const auto task = stem.starts_with("explanation") ? "explanation" : stem;
    EXPECT_NO_THROW(read_prompt_file(entry.path(), task)) << entry.path();
    ++n;
  }
  EXPECT_GE(n, 7u);
}

TEST(PromptFile, SaysWhatIsWrongAndWhere) {
  EXPECT_HAS(error_of(spoilt("{examples}", "{example}"), "fuzzing"), "a.toml:4: user: no {examples} in it");
  EXPECT_HAS(error_of(spoilt("{explanation}", "it"), "fuzzing"), "a.toml:4: user: no {explanation} in it");
  EXPECT_HAS(error_of(spoilt("{text}", "{txt}"), "fuzzing"), "a.toml:6: example: no {text} in it");
  EXPECT_HAS(error_of(spoilt("max_tokens", "max_token"), "fuzzing"),
             "a.toml:2: max_token: unknown key; did you mean max_tokens? Keys: task, ");
  EXPECT_HAS(error_of(spoilt("64", "0"), "fuzzing"),
             "a.toml:2: max_tokens: found 0, expected an integer of at least 1");
  EXPECT_HAS(error_of(spoilt("'Judge { these }.'", "3"), "fuzzing"), "a.toml:3: system: found 3, expected a string");
  EXPECT_HAS(error_of(spoilt("example = '{number} {text}'\n", ""), "fuzzing"), "example: missing");
  EXPECT_HAS(error_of(spoilt("task = \"fuzzing\"", ""), "fuzzing"), "task: missing, expected \"detection\"");
  EXPECT_HAS(error_of(spoilt("task = ", "task = = "), "fuzzing"), "a.toml:1:8: syntax error");
}

TEST(PromptFile, IsForTheTaskThatItIsGivenTo) {
  EXPECT_HAS(error_of(kFuzzing, "detection"), "a.toml:1: task: found \"fuzzing\", expected a prompt of \"detection\"");
  EXPECT_HAS(error_of(spoilt("\"fuzzing\"", "\"fuzing\""), "fuzzing"), "did you mean \"fuzzing\"?");
}

TEST(PromptFile, ShotsAreWhole) {
  EXPECT_HAS(error_of(spoilt("assistant = '[1]'\n", ""), "fuzzing"), "a.toml:7: shot.assistant: missing");
  EXPECT_HAS(error_of(spoilt("assistant", "reply"), "fuzzing"), "a.toml:9: shot.reply: unknown key");
  EXPECT_HAS(error_of("shot = 'a'\n" + kFuzzing.substr(0, kFuzzing.find("[[shot]]")), "fuzzing"),
             "a.toml:1: shot: found the string \"a\", expected tables [[shot]]");
}

TEST(PromptFile, WhatATaskHasNoUseForIsRefused) {
  EXPECT_HAS(error_of("answer_after = 'x'\n" + kFuzzing, "fuzzing"),
             "a.toml:1: answer_after: prompts of fuzzing have none");
  const std::string plain = "task = 'simulation_prompt'\nuser = '{explanation}{tokens}'\nexample = \"{token}\\t?\"\n";
  EXPECT_EQ(error_of(plain, "simulation_prompt"), "");
  EXPECT_HAS(error_of(plain + "system = 'a'\n", "simulation_prompt"),
             "a.toml:4: system: prompts of simulation_prompt have none");
}

// The judge's candidates are read off the token at the "?" behind the tab.
TEST(PromptFile, SimulationByPromptHasAPlaceForTheAnswer) {
  EXPECT_HAS(error_of("task = 'simulation_prompt'\nuser = '{explanation}{tokens}'\nexample = '{token} ?'\n",
                      "simulation_prompt"),
             "a.toml:3: example: no \\t? in it");
}

}  // namespace
}  // namespace saesweep::config
