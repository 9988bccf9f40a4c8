#include "judge/openai_reply.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "judge/openai_request.h"

namespace saesweep::judge {
namespace {

JudgeOptions options() {
  JudgeOptions made;
  made.kind = "openai";
  made.model = "m";
  made.prompt_logprobs = "echo";
  return made;
}

Request chat(bool logprobs = true) {
  Request request;
  request.messages = {{"user", "?"}};
  request.max_tokens = 10;
  request.logprobs = logprobs;
  return request;
}

Json token(const std::string& text, double logprob, const Json& others = Json::array()) {
  return {{"token", text}, {"logprob", logprob}, {"bytes", nullptr}, {"top_logprobs", others}};
}

Json answer() {
  return {{"choices",
           {{{"index", 0},
             {"message", {{"role", "assistant"}, {"content", "[1]"}}},
             {"logprobs",
              {{"content",
                {token("[", -0.01), token("1", -0.5, {token("1", -0.5), token("0", -1.0)}), token("]", -0.01)}}}}}}},
          {"usage", {{"prompt_tokens", 7}, {"completion_tokens", 3}}}};
}

enum class Ending { kReply, kTransport, kUnusable };

Ending ending_of(const std::string& body, const Request& request = chat()) {
  try {
    parse_reply(options(), request, body);
    return Ending::kReply;
  } catch (const TransportFault&) {
    return Ending::kTransport;
  } catch (const UnusableReply&) {
    return Ending::kUnusable;
  }
}

TEST(OpenAiReply, GivesTextTokensAndCounts) {
  const Reply reply = parse_reply(options(), chat(), answer().dump());
  EXPECT_EQ(reply.text, "[1]");
  ASSERT_EQ(reply.tokens.size(), 3u);
  ASSERT_EQ(reply.tokens[1].candidates.size(), 2u);
  EXPECT_EQ(reply.tokens[1].candidates[0], (Candidate{"1", -0.5}));
  EXPECT_EQ(reply.n_prompt_tokens, 7);
  EXPECT_EQ(reply.n_reply_tokens, 3);
}

TEST(OpenAiReply, TheChosenTokenIsAmongItsCandidates) {
  Json body = answer();
  body["choices"][0]["logprobs"]["content"][1]["top_logprobs"] = {token("0", -0.2)};
  const Reply reply = parse_reply(options(), chat(), body.dump());
  EXPECT_EQ(reply.tokens[1].candidates.size(), 2u);
}

TEST(OpenAiReply, ReadsThePromptsTokensOfCompletionsWithEcho) {
  Request request;
  request.kind = Request::Kind::kPrompt;
  request.prompt = "a\t?";
  request.logprobs = true;
  const Json body = {{"choices",
                      {{{"text", "a\t?x"},
                        {"logprobs",
                         {{"tokens", {"a", "\t", "?", "x"}},
                          {"token_logprobs", {nullptr, -1.0, -2.0, -3.0}},
                          {"top_logprobs", {nullptr, {{"\t", -1.0}}, {{"5", -0.1}, {"?", -2.0}}, {{"x", -3.0}}}},
                          {"text_offset", {0, 1, 2, 3}}}}}}}};
  const Reply reply = parse_reply(options(), request, body.dump());
  EXPECT_EQ(reply.text, request.prompt);
  ASSERT_EQ(reply.tokens.size(), 3u) << "what was generated is left out";
  EXPECT_EQ(reply.tokens[2].candidates.front(), (Candidate{"5", -0.1}));
}

TEST(OpenAiReply, ReadsThePromptsTokensAsVllmGivesThem) {
  JudgeOptions vllm = options();
  vllm.prompt_logprobs = "vllm";
  Request request;
  request.kind = Request::Kind::kPrompt;
  request.prompt = "a ?";
  request.logprobs = true;
  const auto entry = [](const char* text, double logprob, int rank) {
    return Json{{"logprob", logprob}, {"rank", rank}, {"decoded_token", text}};
  };
  const Json body = {
      {"choices",
       {{{"text", "z"},
         {"prompt_logprobs", {nullptr, {{"11", entry(" ?", -3.0, 9)}, {"12", entry(" 4", -0.5, 1)}}}}}}}};
  const Reply reply = parse_reply(vllm, request, body.dump());
  ASSERT_FALSE(reply.tokens.empty());
  EXPECT_EQ(reply.tokens.back().candidates.size(), 2u);
}

TEST(OpenAiReply, TellsFaultsOfTheTransportFromThoseOfContent) {
  EXPECT_EQ(ending_of("<html>Bad Gateway</html>"), Ending::kTransport);
  EXPECT_EQ(ending_of(""), Ending::kTransport);
  const std::string whole = answer().dump();
  EXPECT_EQ(ending_of(whole.substr(0, whole.size() / 2)), Ending::kTransport);
  EXPECT_EQ(ending_of(R"({"error": {"message": "overloaded"}})"), Ending::kTransport);
  std::string nan = whole;
  nan.replace(nan.find("-1.0"), 4, "NaN");
  EXPECT_NE(ending_of(nan), Ending::kReply);

  Json body = answer();
  body["choices"] = Json::array();
  EXPECT_EQ(ending_of(body.dump()), Ending::kUnusable);
  body = answer();
  body["choices"][0]["logprobs"] = nullptr;
  EXPECT_EQ(ending_of(body.dump()), Ending::kUnusable);
  EXPECT_EQ(ending_of(body.dump(), chat(false)), Ending::kReply) << "none were asked for";
  body = answer();
  body["choices"][0]["message"]["content"] = nullptr;
  EXPECT_EQ(ending_of(body.dump()), Ending::kUnusable);
  body["choices"][0]["message"] = {{"refusal", "no"}};
  EXPECT_EQ(ending_of(body.dump()), Ending::kUnusable);
}

TEST(OpenAiRequest, NamesNeitherEndpointNorKeyAndEachAttemptIsAnother) {
  JudgeOptions asked = options();
  asked.base_urls = {"http://somewhere/v1"};
  asked.api_key_env = "SOME_KEY";
  asked.seed = 5;
  const Json first = request_body(asked, Json::object(), chat(), 0);
  EXPECT_EQ(first.dump().find("somewhere"), std::string::npos);
  EXPECT_EQ(first.dump().find("SOME_KEY"), std::string::npos);
  EXPECT_EQ(first["seed"], 5);
  EXPECT_EQ(first["temperature"], 0);
  EXPECT_EQ(first["top_logprobs"], 5);
  const Json second = request_body(asked, Json::object(), chat(), 1);
  EXPECT_EQ(second["seed"], 6);
  EXPECT_GT(second["temperature"], 0);
  EXPECT_EQ(request_body(asked, {{"top_k", 1}}, chat(), 0)["top_k"], 1);
}

}  // namespace
}  // namespace saesweep::judge
