#include "judge/openai_request.h"

#include <gtest/gtest.h>

#include "base/errors.h"

namespace saesweep::judge {
namespace {

Request chat() {
  return {Request::Kind::kChat, {{"system", "s"}, {"user", "u"}}, "", 20, true};
}

TEST(OpenAiRequest, HasTheFieldsOfAChat) {
  JudgeOptions options;
  options.model = "m";
  options.seed = 3;
  EXPECT_EQ(path_of(chat()), "/chat/completions");
  EXPECT_EQ(request_body(options, Json::object(), chat(), 0), Json::parse(R"({
    "model": "m", "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}],
    "temperature": 0.0, "max_tokens": 20, "seed": 3, "logprobs": true, "top_logprobs": 5})"));
}

TEST(OpenAiRequest, AsksForNoLogprobsWhereTheyAreNotWantedOrNotGiven) {
  JudgeOptions options;
  Request request = chat();
  request.logprobs = false;
  EXPECT_FALSE(request_body(options, Json::object(), request, 0).contains("logprobs"));
  options.logprobs = false;
  EXPECT_FALSE(request_body(options, Json::object(), chat(), 0).contains("top_logprobs"));
}

TEST(OpenAiRequest, DiffersWithEachAttempt) {
  JudgeOptions options;
  const Json first = request_body(options, Json::object(), chat(), 1);
  EXPECT_EQ(first["seed"], 1);
  EXPECT_EQ(first["temperature"], 0.5);
  EXPECT_NE(first, request_body(options, Json::object(), chat(), 2));
  options.temperature = 0.9;
  EXPECT_EQ(request_body(options, Json::object(), chat(), 1)["temperature"], 0.9);
}

TEST(OpenAiRequest, AsksForLogprobsOfAPromptInEitherWay) {
  const Request prompt{Request::Kind::kPrompt, {}, "the text", 0, true};
  JudgeOptions options;
  EXPECT_EQ(path_of(prompt), "/completions");
  EXPECT_THROW(request_body(options, Json::object(), prompt, 0), SystemError);
  options.prompt_logprobs = "echo";
  const Json echo = request_body(options, Json::object(), prompt, 0);
  EXPECT_EQ(echo["prompt"], "the text");
  EXPECT_EQ(echo["echo"], true);
  EXPECT_EQ(echo["logprobs"], 5);
  EXPECT_EQ(echo["max_tokens"], 1);
  options.prompt_logprobs = "vllm";
  EXPECT_EQ(request_body(options, Json::object(), prompt, 0)["prompt_logprobs"], 5);
}

TEST(OpenAiRequest, IsChangedByExtraFields) {
  JudgeOptions options;
  options.extra_body = R"({"max_tokens": null, "max_completion_tokens": 99, "provider": {"order": ["a"]}})";
  const Json body = request_body(options, extra_fields(options), chat(), 0);
  EXPECT_FALSE(body.contains("max_tokens"));
  EXPECT_EQ(body["max_completion_tokens"], 99);
  EXPECT_EQ(body["provider"]["order"][0], "a");
  options.extra_body = "{";
  EXPECT_THROW(extra_fields(options), ConfigError);
}

}  // namespace
}  // namespace saesweep::judge
