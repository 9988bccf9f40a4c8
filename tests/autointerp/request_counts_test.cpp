#include "autointerp/request_counts.h"

#include <gtest/gtest.h>

namespace saesweep::autointerp {
namespace {

//! Texts of whole numbers of tokens at 4 characters each.
PromptTemplate prompt(size_t system_tokens, size_t user_tokens, size_t shot_tokens, size_t example_tokens) {
  PromptTemplate result;
  result.system = std::string(4 * system_tokens, 'a');
  result.user = std::string(4 * user_tokens, 'b');
  result.shots = {{"user", std::string(2 * shot_tokens, 'c')}, {"assistant", std::string(2 * shot_tokens, 'd')}};
  result.example = std::string(4 * example_tokens, 'e');
  return result;
}

AutointerpOptions small_options() {
  AutointerpOptions options;
  options.latents = 10;
  options.null_latents = 4;
  options.scorers = {"simulation", "fuzzing", "detection"};
  options.window_tokens = 32;
  options.explainer_examples = 40;
  options.scorer_examples = 6;
  options.silent_examples = 7;
  options.examples_per_prompt = 5;
  options.simulation_examples = 3;
  options.prompts = {.explanation = prompt(100, 10, 50, 2),
                     .fuzzing = prompt(80, 20, 60, 3),
                     .detection = prompt(70, 20, 60, 3),
                     .simulation = prompt(60, 20, 40, 1),
                     .simulation_prompt = prompt(0, 50, 0, 1)};
  return options;
}

RequestCount count_of(const std::vector<RequestCount>& counts, const std::string& task) {
  for (const auto& count : counts) {
    if (count.task == task) return count;
  }
  ADD_FAILURE() << "no " << task;
  return {};
}

// A latent: 1 explanation; 2 * 6 = 12 examples of fuzzing in 3 prompts of 5, 5 and 2; 6 + 7 = 13 of detection in 3; 3
// windows simulated. 4 of the 10 are scored twice.
TEST(RequestCounts, OfTasksByHand) {
  const auto counts = request_counts(small_options(), false, 1000);
  EXPECT_EQ(counts.size(), 5u);
  EXPECT_EQ(count_of(counts, "explanation").n_requests, 10);
  EXPECT_EQ(count_of(counts, "fuzzing").n_requests, 10 * 3);
  EXPECT_EQ(count_of(counts, "detection").n_requests, 10 * 3);
  EXPECT_EQ(count_of(counts, "simulation").n_requests, 10 * 3);
  EXPECT_EQ(count_of(counts, "null").n_requests, 4 * (3 + 3 + 3));
}

// Fuzzing, a latent: 3 prompts of 80 + 20 + 60 tokens and an explanation of 30; 12 examples of 3 + 32 + 1. Replies: an
// opening bracket each, two tokens an answer.
TEST(RequestCounts, TokensOfFuzzingByHand) {
  const auto count = count_of(request_counts(small_options(), false, 1000), "fuzzing");
  EXPECT_DOUBLE_EQ(count.n_prompt_tokens, 10 * (3 * (160 + 30) + 12 * 36));
  EXPECT_DOUBLE_EQ(count.n_reply_tokens, 10 * (3 + 2 * 12));
}

TEST(RequestCounts, TokensOfExplanationsByHand) {
  auto options = small_options();
  const auto plain = count_of(request_counts(options, false, 1000), "explanation");
  EXPECT_DOUBLE_EQ(plain.n_prompt_tokens, 10 * (100 + 10 + 50 + 40 * 35));
  EXPECT_DOUBLE_EQ(plain.n_reply_tokens, 10 * 256 / 4.0);
  // 32 / 8 = 4 marked tokens an example, of 5 tokens each; the placeholder itself is 13 characters.
  options.prompts.explanation.example += "{activations}";
  const auto with_activations = count_of(request_counts(options, false, 1000), "explanation");
  EXPECT_DOUBLE_EQ(with_activations.n_prompt_tokens - plain.n_prompt_tokens, 10 * 40 * (4 * 5 + 13 / 4.0));
}

TEST(RequestCounts, SimulationByPromptGeneratesNothing) {
  const auto by_reply = count_of(request_counts(small_options(), false, 1000), "simulation");
  EXPECT_DOUBLE_EQ(by_reply.n_prompt_tokens, 10 * 3 * (120 + 30 + 32 * 3));
  EXPECT_DOUBLE_EQ(by_reply.n_reply_tokens, 10 * 3 * (1 + 2 * 32));
  const auto by_prompt = count_of(request_counts(small_options(), true, 1000), "simulation");
  EXPECT_EQ(by_prompt.n_requests, by_reply.n_requests);
  EXPECT_DOUBLE_EQ(by_prompt.n_prompt_tokens, 10 * 3 * (50 + 30 + 32 * 3));
  EXPECT_EQ(by_prompt.n_reply_tokens, 0);
}

TEST(RequestCounts, AnSaeHasNoMoreLatentsThanItHas) {
  const auto counts = request_counts(small_options(), false, 3);
  EXPECT_EQ(count_of(counts, "explanation").n_requests, 3);
  EXPECT_EQ(count_of(counts, "null").n_requests, 3 * 9);
  EXPECT_EQ(request_counts(small_options(), false, 1).size(), 4u);
}

TEST(RequestCounts, ScorersThatAreNotWantedAreLeftOut) {
  auto options = small_options();
  options.scorers = {"detection"};
  options.null_latents = 0;
  options.silent_examples = 0;
  const auto counts = request_counts(options, false, 1000);
  ASSERT_EQ(counts.size(), 2u);
  EXPECT_EQ(counts[0].task, "explanation");
  EXPECT_EQ(counts[1].task, "detection");
  EXPECT_EQ(counts[1].n_requests, 10 * 3);
}

}  // namespace
}  // namespace saesweep::autointerp
