#include "judge/lexical_reply.h"

#include <gtest/gtest.h>

#include <cmath>

namespace saesweep::judge {
namespace {

Request asked(const std::string& text, bool logprobs = true) {
  Request request;
  request.messages = {{"system", "Example 1: not this"}, {"user", text}};
  request.max_tokens = 256;
  request.logprobs = logprobs;
  return request;
}

//! The probabilities of "1" of a reply to fuzzing or detection.
std::vector<double> probabilities(const std::string& text) {
  std::vector<double> found;
  for (const ReplyToken& token : lexical_reply(asked(text)).tokens) {
    if (token.text != "0" && token.text != "1") continue;
    for (const Candidate& candidate : token.candidates) {
      if (candidate.text == "1") found.push_back(std::exp(candidate.logprob));
    }
  }
  return found;
}

TEST(LexicalReply, ExplainsBySuchWordsAsItCanReadBack) {
  std::string prompt;
  for (int i = 1; i <= 8; ++i) {
    prompt += "Example " + std::to_string(i) + ": we met at<< noon>> by the old mill and went home\n";
  }
  const Reply reply = lexical_reply(asked(prompt));
  EXPECT_TRUE(reply.text.starts_with("Explanation: ")) << reply.text;
  EXPECT_NE(reply.text.find("\"noon\""), std::string::npos) << reply.text;
  const std::vector<double> right =
      probabilities(reply.text + "\n\nExample 1: at<< noon>> it rained\nExample 2: at noon it<< rained>>\n");
  ASSERT_EQ(right.size(), 2u);
  EXPECT_GT(right[0], 0.8);
  EXPECT_LT(right[1], 0.2);
  const std::vector<double> fires =
      probabilities(reply.text + "\n\nExample 1: it was noon again\nExample 2: it was dark again\n");
  EXPECT_GT(fires[0], 0.8);
  EXPECT_LT(fires[1], 0.5);
}

TEST(LexicalReply, TakesQuotedWordsOfAnExplanationBySomeoneElse) {
  const std::vector<double> right = probabilities(
      "Explanation: Nouns for moments of the day, such as \"noon\" or \"dusk\".\n\n"
      "Example 1: at<< dusk>> the gate\nExample 2: at dusk the<< gate>>\n");
  EXPECT_GT(right[0], right[1] + 0.3);
}

TEST(LexicalReply, IsAsLongAsWasAskedFor) {
  EXPECT_EQ(
      lexical_reply(asked("Explanation: \"a\"\nExample 1: <<a>>\nExample 2: <<b>>\nExample 3: c<<d>>")).tokens.size(),
      7u);
  const Reply simulated =
      lexical_reply(asked("Explanation: \"noon\"\n\nTokens (3):\n1\tat\n2\t noon\n3\t we\n\nReply."));
  ASSERT_EQ(simulated.tokens.size(), 7u) << simulated.text;
  EXPECT_EQ(simulated.tokens[3].candidates.size(), 11u);
  Request cut = asked("Example 1: at<< noon>>\nExample 2: at<< noon>>\n");
  cut.max_tokens = 3;
  EXPECT_LE(lexical_reply(cut).n_reply_tokens, 3);
}

TEST(LexicalReply, OfAPromptGivesItsTokensBack) {
  Request request;
  request.kind = Request::Kind::kPrompt;
  request.prompt = "Explanation: \"x\"\nTokens:\n y\t0\n\nExplanation: \"noon\"\nTokens:\nat\t?\n noon\t?\nend";
  const Reply reply = lexical_reply(request);
  std::string joined;
  std::vector<double> expected;
  for (const ReplyToken& token : reply.tokens) {
    joined += token.text;
    if (token.candidates.empty()) continue;
    double mean = 0;
    for (const Candidate& candidate : token.candidates) mean += std::stod(candidate.text) * std::exp(candidate.logprob);
    expected.push_back(mean);
  }
  EXPECT_EQ(joined, request.prompt);
  ASSERT_EQ(expected.size(), 2u);
  EXPECT_GT(expected[1], expected[0] + 1);
}

TEST(LexicalReply, SaysSoWhereItUnderstandsNothing) {
  for (const char* text : {"", "Hello!", "Example: a", "Explanation:", "Example 1: no marks here"}) {
    const Reply reply = lexical_reply(asked(text));
    EXPECT_FALSE(reply.text.empty()) << text;
  }
  EXPECT_NE(lexical_reply(asked("Hello!")).text.find("docs/prompts.md"), std::string::npos);
  EXPECT_TRUE(lexical_reply(asked("Explanation: \"a\"\nExample 1: <<a>>", false)).tokens.empty());
}

}  // namespace
}  // namespace saesweep::judge
