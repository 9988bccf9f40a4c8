#include "autointerp/answers.h"

#include <gtest/gtest.h>

#include <cmath>

#include "judge/judge.h"

namespace saesweep::autointerp {
namespace {

using judge::Reply;
using judge::ReplyToken;
using judge::UnusableReply;

//! A token whose candidates are "0" and "1", with the text around them that the token itself has.
ReplyToken answer(const std::string& text, double p1) {
  const auto with = [&](char digit) {
    std::string other = text;
    other[text.find_first_of("01")] = digit;
    return other;
  };
  return {text, {{with('1'), std::log(p1)}, {with('0'), std::log(1 - p1)}}};
}

ReplyToken plain(const std::string& text) {
  return {text, {{text, -0.001}}};
}

Reply reply_of(std::vector<ReplyToken> tokens) {
  Reply reply;
  for (const ReplyToken& token : tokens) reply.text += token.text;
  reply.tokens = std::move(tokens);
  return reply;
}

TEST(Classification, ReadsProbabilitiesHoweverTheReplyIsCutIntoTokens) {
  const std::vector<Reply> replies{
      reply_of({plain("["), answer("1", 0.9), plain(","), plain(" "), answer("0", 0.2), plain("]")}),
      reply_of({answer("[1", 0.9), plain(","), answer(" 0", 0.2), plain("]")}),
      reply_of({answer("[1,", 0.9), answer(" 0]", 0.2)}),
      reply_of(
          {plain("Of [2"), plain("] I say: ["), answer("1", 0.9), plain(", "), answer("0", 0.2), plain("].<eos>")})};
  for (const Reply& reply : replies) {
    const std::vector<Answer> answers = read_classification(reply, 2, true);
    ASSERT_EQ(answers.size(), 2u);
    EXPECT_EQ(answers[0].answer, 1) << reply.text;
    EXPECT_EQ(answers[1].answer, 0) << reply.text;
    EXPECT_FLOAT_EQ(answers[0].probability, 0.9F) << reply.text;
    EXPECT_FLOAT_EQ(answers[1].probability, 0.2F) << reply.text;
  }
}

TEST(Classification, OtherCandidatesAreLeftOut) {
  ReplyToken token = answer("1", 0.6);
  token.candidates.push_back({" 1", std::log(0.2)});
  token.candidates.push_back({"one", std::log(0.1)});
  token.candidates.push_back({"11", std::log(0.1)});
  EXPECT_FLOAT_EQ(read_classification(reply_of({plain("["), token, plain("]")}), 1, true)[0].probability,
                  static_cast<float>(0.8 / 1.2));
}

TEST(Classification, AnAnswerWithNeitherAmongItsCandidatesIsMissing) {
  ReplyToken token{"1", {{"yes", -0.1}, {"no", -2}}};
  const std::vector<Answer> answers =
      read_classification(reply_of({plain("["), token, plain(", "), answer("0", 0.5), plain("]")}), 2, true);
  EXPECT_EQ(answers[0].answer, -1) << "neither a number nor a guess";
  EXPECT_TRUE(std::isnan(answers[0].probability));
  EXPECT_EQ(answers[1].answer, 0);
}

TEST(Classification, AnswersThatShareATokenAreMissing) {
  const std::vector<Answer> answers = read_classification(reply_of({plain("["), plain("1,0"), plain("]")}), 2, true);
  EXPECT_EQ(answers[0].answer, -1);
  EXPECT_TRUE(std::isnan(answers[1].probability));
}

TEST(Classification, WithoutLogprobsGivesAnswersAlone) {
  Reply reply;
  reply.text = "Sure: [1,0, 1]";
  const std::vector<Answer> answers = read_classification(reply, 3, false);
  EXPECT_EQ(answers[1].answer, 0);
  EXPECT_TRUE(std::isnan(answers[1].probability));
  EXPECT_THROW(read_classification(reply, 3, true), UnusableReply) << "logprobs were asked for";
}

TEST(Classification, RefusesWhatDoesNotAnswer) {
  for (const char* text : {"", "I cannot say.", "[1, 0]", "[1, 0, 1, 1]", "[1, 2, 0]", "[1, , 0]", "[1, x, 0]", "[]",
                           "]]][", "[1 0 1]", "[99999999999999, 0, 1]"}) {
    Reply reply;
    reply.text = text;
    EXPECT_THROW(read_classification(reply, 3, false), UnusableReply) << text;
  }
}

TEST(Explanation, IsWhatFollowsTheMarkOnOneLine) {
  Reply reply;
  reply.text = "First I think.\nExplanation: nothing.\nSo:\nExplanation:  Words for trees. \n\nThat is all.";
  EXPECT_EQ(read_explanation(reply, "Explanation:"), "Words for trees.");
  EXPECT_EQ(read_explanation(reply, ""), "First I think.");
  EXPECT_THROW(read_explanation(reply, "Answer:"), UnusableReply);
  reply.text = "Explanation: \n";
  EXPECT_THROW(read_explanation(reply, "Explanation:"), UnusableReply);
}

TEST(Simulation, ExpectsTheNumberFromItsCandidates) {
  const ReplyToken seven{"7", {{"7", std::log(0.5)}, {"9", std::log(0.25)}, {"x", std::log(0.25)}}};
  const Reply reply = reply_of({plain("["), {"0", {{"0", 0.0}}}, plain(", "), seven, plain("]")});
  EXPECT_EQ(read_simulation(reply, 2)[0], 0);
  EXPECT_NEAR(read_simulation(reply, 2)[1], (0.5 * 7 + 0.25 * 9) / 0.75, 1e-12);
  Reply bare;
  bare.text = "[0, 10]";
  EXPECT_EQ(read_simulation(bare, 2), (std::vector<double>{0, 10}));
  bare.text = "[0, 11]";
  EXPECT_THROW(read_simulation(bare, 2), UnusableReply);
}

TEST(Simulation, ReadsThePromptAtItsLastPlaces) {
  const ReplyToken place{"?\n", {{"3\n", std::log(0.5)}, {"5", std::log(0.5)}}};
  const Reply reply =
      reply_of({plain("a\t?\n"), plain("shown\t0\n"), plain("the\t"), place, plain("\\t \t"), {"?", {{"z", -1.0}}}});
  const std::vector<double> numbers = read_simulation_prompt(reply, 2);
  EXPECT_NEAR(numbers[0], 4, 1e-12);
  EXPECT_TRUE(std::isnan(numbers[1])) << "no candidate is a number";
  EXPECT_THROW(read_simulation_prompt(reply, 4), UnusableReply);
}

}  // namespace
}  // namespace saesweep::autointerp
