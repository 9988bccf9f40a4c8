// Replies as servers sent them; tests/python/test_real_servers.py records them and says how.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "base/files.h"
#include "base/json.h"
#include "judge/judge.h"
#include "judge/openai_reply.h"
#include "judge/token_alignment.h"

namespace saesweep::judge {
namespace {

const std::filesystem::path kReplies = "tests/judge/replies";

std::string body_of(const std::string& name) {
  return read_file(kReplies / (name + ".json"));
}

//! What brought that reply, as our own request.
Request request_of(const std::string& name) {
  const Json told = read_json(kReplies / "requests.json").at(name).at("request");
  Request request;
  request.logprobs = told.contains("logprobs");
  if (!told.contains("prompt")) return request;
  request.kind = Request::Kind::kPrompt;
  request.prompt = told.at("prompt");
  return request;
}

Reply reply_of(const std::string& name) {
  JudgeOptions options;
  options.prompt_logprobs = "echo";
  return parse_reply(options, request_of(name), body_of(name));
}

std::string joined(const Reply& reply) {
  std::string text;
  for (const ReplyToken& token : reply.tokens) text += token.text;
  return text;
}

TEST(RecordedReplies, OfLlamaCppHaveTheCandidatesOfEachAnswer) {
  const std::map<std::string, std::string> texts{{"llama_answers", "[0, 0, 0, 0, 0]"},
                                                 {"llama_answers_by_schema", "[0,0,0,0,0] "}};
  for (const auto& [name, text] : texts) {
    const Reply reply = reply_of(name);
    EXPECT_EQ(reply.text, text);
    EXPECT_EQ(joined(reply), reply.text) << name;
    EXPECT_EQ(reply.n_prompt_tokens, 65) << name;
    EXPECT_GE(reply.n_reply_tokens, 11) << name;
    for (const ReplyToken& token : reply.tokens) {
      EXPECT_GE(token.candidates.size(), 4) << name;
      const auto is_token = [&](const Candidate& candidate) { return candidate.text == token.text; };
      EXPECT_TRUE(std::any_of(token.candidates.begin(), token.candidates.end(), is_token)) << name << token.text;
    }
  }
}

// Its tokens lack the bytes of characters that are parted among several.
TEST(RecordedReplies, OfLlamaCppKeepTheirPlacesAroundTornCharacters) {
  const Reply reply = reply_of("llama_torn_characters");
  EXPECT_EQ(reply.text, "é 日本: [1, 0]");
  EXPECT_EQ(joined(reply), reply.text);
  const auto found =
      std::find_if(reply.tokens.begin(), reply.tokens.end(), [](const ReplyToken& token) { return token.text == "1"; });
  ASSERT_NE(found, reply.tokens.end());
  EXPECT_GE(found->candidates.size(), 4);
}

// A token may hold a whole character and a part of the next.
TEST(RecordedReplies, OfTokensThatLackTheirLastBytesAreAlignedToo) {
  const auto tokens = align_tokens({{" ", {}}, {"t", {}}, {"\t", {}}, {"?", {}}}, " ét\t?", true);
  ASSERT_TRUE(tokens);
  ASSERT_EQ(tokens->size(), 4);
  EXPECT_EQ(tokens->at(0).text, " é");
  EXPECT_EQ(tokens->at(3).text, "?");
  EXPECT_FALSE(align_tokens({{" ", {}}, {"t", {}}}, " at", true)) << "a letter that no token has";
}

TEST(RecordedReplies, OfLlamaCppHaveCandidatesAtThePlacesOfAnEchoedPrompt) {
  const Reply reply = reply_of("llama_echo");
  EXPECT_EQ(reply.text, request_of("llama_echo").prompt);
  EXPECT_EQ(joined(reply), reply.text);
  int n_places = 0;
  for (const ReplyToken& token : reply.tokens) {
    if (token.text != "?") continue;
    ++n_places;
    EXPECT_GE(token.candidates.size(), 12);
  }
  EXPECT_EQ(n_places, 3);
}

TEST(RecordedReplies, HaveTextAloneWhereNoLogprobsWereAskedFor) {
  EXPECT_EQ(reply_of("transformers_answers").text, "[0,0,0,0,0]");
  for (const std::string name : {"transformers_answers", "transformers_explanation", "llama_explanation"}) {
    const Reply reply = reply_of(name);
    EXPECT_FALSE(reply.text.empty()) << name;
    EXPECT_TRUE(reply.tokens.empty()) << name;
    EXPECT_EQ(reply.n_prompt_tokens, 65) << name;
    EXPECT_GE(reply.n_reply_tokens, 12) << name;
  }
}

TEST(RecordedReplies, OfTransformersLackTheLogprobsAskedFor) {
  EXPECT_THROW(reply_of("transformers_leaves_out_logprobs"), UnusableReply);
}

TEST(RecordedReplies, SayWhatIsWrongInTheServersWords) {
  EXPECT_EQ(error_message(body_of("transformers_other_model")), "Server is pinned to 'tiny'; requested 'large'.");
  EXPECT_EQ(error_message(body_of("transformers_unknown_field")), "Unexpected fields in the request: {'top_k'}");
  EXPECT_TRUE(
      error_message(body_of("llama_too_long")).starts_with("This model's maximum context length is 2048 tokens."));
}

}  // namespace
}  // namespace saesweep::judge
