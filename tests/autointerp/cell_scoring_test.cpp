#include "autointerp/cell_scoring.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>

#include "autointerp/harvest_file.h"
#include "autointerp/windows.h"
#include "base/files.h"
#include "support/temporary_folder.h"

namespace saesweep::autointerp {
namespace {

AutointerpOptions options() {
  AutointerpOptions made;
  made.latents = 6;
  made.null_latents = 4;
  made.scorers = {"fuzzing", "detection", "simulation"};
  made.explainer_examples = 10;
  made.scorer_examples = 12;
  made.simulation_examples = 3;
  made.entropy_examples = 5;
  made.stored_examples = 2;
  made.prompts.explanation.user = "explain {examples}";
  made.prompts.explanation.example = "Example {number}: {text}";
  made.prompts.fuzzing.user = "fuzz as {explanation}: {examples}";
  made.prompts.fuzzing.example = "{text}";
  made.prompts.detection.user = "detect as {explanation}: {examples}";
  made.prompts.detection.example = "{text}";
  made.prompts.simulation.user = "simulate as {explanation}: {tokens}";
  made.prompts.simulation.example = "{token}";
  return made;
}

std::vector<LatentExamples> latents(const AutointerpOptions& wanted) {
  std::vector<LatentExamples> made;
  for (int64_t latent = 0; latent < wanted.latents; ++latent) {
    made.push_back(choose_examples(test::drawn_latent(latent, 60), wanted));
  }
  return made;
}

//! A judge that answers each prompt by a hash of it, so that replies depend on what was asked alone.
judge::Reply hashed_reply(const judge::Request& request) {
  const std::string& prompt = request.messages.back().content;
  const Stream stream{"reply", prompt};
  judge::Reply reply;
  if (prompt.starts_with("explain")) {
    reply.text = "E" + std::to_string(stream.bits(0) % 100000);
    return reply;
  }
  const bool is_simulation = prompt.starts_with("simulate");
  const auto n_lines = static_cast<size_t>(std::count(prompt.begin(), prompt.end(), '\n')) + 1;
  for (size_t i = 0; i < n_lines; ++i) {
    reply.tokens.push_back({i == 0 ? "[" : ", ", {}});
    const double p = stream.uniform(i);
    const std::string digit = is_simulation ? std::to_string(stream.bits(i) % 11) : p > 0.5 ? "1" : "0";
    reply.tokens.push_back({digit, {{"1", std::log(p)}, {"0", std::log(1 - p)}}});
  }
  reply.tokens.push_back({"]", {}});
  for (const judge::ReplyToken& token : reply.tokens) reply.text += token.text;
  return reply;
}

//! Draws all that can be asked, answers in a random order; refuses replies for which `is_lost` holds.
void answer_all(CellScoring& scoring, unsigned seed, const std::function<bool(const judge::Request&)>& is_lost = {}) {
  std::mt19937 random(seed);
  std::vector<judge::Work::Ask> open;
  while (!scoring.is_done()) {
    while (open.size() < 7) {
      std::optional<judge::Work::Ask> ask = scoring.next();
      if (!ask) break;
      open.push_back(*std::move(ask));
    }
    ASSERT_FALSE(open.empty()) << "nothing to wait for, and not done";
    std::swap(open[random() % open.size()], open.back());
    const judge::Work::Ask ask = open.back();
    open.pop_back();
    if (is_lost && is_lost(ask.request)) {
      scoring.give_up(ask.tag, "lost");
    } else {
      scoring.take(ask.tag, hashed_reply(ask.request));
    }
  }
}

TEST(CellScoring, DoesNotDependOnTheOrderOfReplies) {
  const AutointerpOptions wanted = options();
  std::vector<std::vector<LatentScores>> runs;
  for (const unsigned seed : {1u, 2u}) {
    CellScoring scoring(latents(wanted), wanted, {}, test::token_text);
    answer_all(scoring, seed);
    runs.push_back(scoring.scores());
  }
  for (size_t i = 0; i < 6; ++i) {
    const LatentScores &a = runs[0][i], &b = runs[1][i];
    EXPECT_EQ(a.explanation, b.explanation);
    EXPECT_EQ(a.fuzz.answers, b.fuzz.answers);
    EXPECT_EQ(a.detection.answers, b.detection.answers);
    EXPECT_EQ(a.simulation.predicted, b.simulation.predicted);
    EXPECT_EQ(a.null_of, b.null_of);
    EXPECT_EQ(a.fuzz_null.answers, b.fuzz_null.answers);
    EXPECT_EQ(a.n_judged, 24 + 24);
    EXPECT_EQ(a.n_missing, 0);
    EXPECT_NE(ranking_of(a.fuzz).auroc, ranking_of(a.fuzz_null).auroc) << "the null has another explanation";
  }
}

TEST(CellScoring, TheFirstLatentsAreAlsoScoredWithTheExplanationOfAnother) {
  const AutointerpOptions wanted = options();
  CellScoring scoring(latents(wanted), wanted, {}, test::token_text);
  std::map<std::string, int> prompts;
  answer_all(scoring, 1, [&](const judge::Request& request) {
    const std::string& text = request.messages.back().content;
    ++prompts[text.substr(0, text.find(' '))];
    return false;
  });
  for (size_t i = 0; i < 6; ++i) {
    const int64_t other = scoring.scores()[i].null_of;
    EXPECT_EQ(other >= 0, i < 4) << i;
    EXPECT_NE(other, static_cast<int64_t>(i));
  }
  // 24 examples a latent and scorer are 5 prompts, for 6 latents and 4 nulls; 3 simulated windows each.
  EXPECT_EQ(prompts, (std::map<std::string, int>{{"explain", 6}, {"fuzz", 50}, {"detect", 50}, {"simulate", 30}}));
}

TEST(CellScoring, WhatIsLostIsMissingAndNeverAScore) {
  const AutointerpOptions wanted = options();
  CellScoring scoring(latents(wanted), wanted, {}, test::token_text);
  answer_all(scoring, 1, [](const judge::Request& request) {
    const std::string& text = request.messages.back().content;
    return text.starts_with("detect") || text.starts_with("simulate");
  });
  for (const LatentScores& scores : scoring.scores()) {
    EXPECT_EQ(scores.n_missing, 24);
    EXPECT_EQ(scores.n_unparsable, 24);
    EXPECT_EQ(scores.n_judged, 24);
    EXPECT_TRUE(std::isnan(ranking_of(scores.detection).auroc));
    EXPECT_FALSE(std::isnan(ranking_of(scores.fuzz).auroc));
    EXPECT_TRUE(std::isnan(simulation_score(scores.simulation, scoring.latents()[0]).correlation));
  }
  EXPECT_EQ(scoring.unanswered_task(), "detection");
}

TEST(CellScoring, ALatentWithoutExplanationHasNoScoresAndServesAsNoNull) {
  const AutointerpOptions wanted = options();
  CellScoring scoring(latents(wanted), wanted, {}, test::token_text);
  int n = 0;
  answer_all(scoring, 1, [&](const judge::Request& request) {
    return request.messages.back().content.starts_with("explain") && n++ < 3;
  });
  int n_without = 0;
  for (const LatentScores& scores : scoring.scores()) {
    if (scores.null_of >= 0) {
      EXPECT_EQ(scoring.scores()[static_cast<size_t>(scores.null_of)].state, LatentState::kScored);
    }
    if (scores.state == LatentState::kScored) continue;
    ++n_without;
    EXPECT_EQ(scores.state, LatentState::kNoExplanation);
    EXPECT_EQ(scores.n_missing, 48);
    EXPECT_TRUE(std::isnan(ranking_of(scores.fuzz).auroc));
  }
  EXPECT_EQ(n_without, 3);
}

TEST(CellScoring, TellsWhenNothingAtAllWasAnswered) {
  const AutointerpOptions wanted = options();
  CellScoring scoring(latents(wanted), wanted, {}, test::token_text);
  answer_all(scoring, 1, [](const judge::Request&) { return true; });
  EXPECT_EQ(scoring.unanswered_task(), "explanations");
  EXPECT_EQ(scoring.last_fault(), "lost");
  CellScoring none({}, wanted, {}, test::token_text);
  EXPECT_TRUE(none.is_done());
  EXPECT_EQ(none.unanswered_task(), "");
}

TEST(HarvestFile, ComesBackAsItWasAndDamageIsSeen) {
  const saesweep::test::TemporaryFolder folder;
  const auto path = folder.path() / "a" / "cell.windows";
  EXPECT_FALSE(read_harvest(path));
  const StoredHarvest harvest{
      latents(options()), {evaluate::LatentStatus::kDead, evaluate::LatentStatus::kQualified}, 2, 3, 4};
  write_harvest(path, harvest);
  EXPECT_EQ(read_harvest(path), harvest);
  std::string bytes = read_file(path);
  bytes[bytes.size() / 2] ^= 1;
  write_file(path, bytes);
  EXPECT_FALSE(read_harvest(path));
  write_file(path, bytes.substr(0, 30));
  EXPECT_FALSE(read_harvest(path));
}

}  // namespace
}  // namespace saesweep::autointerp
