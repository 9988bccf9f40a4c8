#include <gtest/gtest.h>

#include <numeric>

#include "judge/openai_reply.h"

namespace saesweep::judge {
namespace {

Request chat(bool logprobs = true) {
  return {Request::Kind::kChat, {{"user", "u"}}, "", 20, logprobs};
}

Request prompt(const std::string& text) {
  return {Request::Kind::kPrompt, {}, text, 0, true};
}

std::string text_of(const Reply& reply) {
  return std::accumulate(reply.tokens.begin(), reply.tokens.end(), std::string(),
                         [](const std::string& text, const ReplyToken& token) { return text + token.text; });
}

// The bodies below have the fields of replies of the servers named, in their order; ids and times are shortened.

TEST(ServerShapes, OfOpenAi) {
  const Reply reply = parse_reply({}, chat(), R"({"id": "chatcmpl-1", "object": "chat.completion", "created": 1,
    "model": "gpt-4o-mini-2024-07-18", "choices": [{"index": 0, "message": {"role": "assistant", "content": "[1]é",
    "refusal": null, "annotations": []}, "logprobs": {"content": [
      {"token": "[", "logprob": 0.0, "bytes": [91], "top_logprobs": [{"token": "[", "logprob": 0.0, "bytes": [91]},
        {"token": "\n", "logprob": -9999.0, "bytes": [10]}]},
      {"token": "1", "logprob": -0.3, "bytes": [49], "top_logprobs": [{"token": "0", "logprob": -0.2, "bytes": [48]},
        {"token": "2", "logprob": -4.5, "bytes": [50]}]},
      {"token": "]", "logprob": -1.1e-06, "bytes": [93], "top_logprobs": [{"token": "]", "logprob": -1.1e-06}]},
      {"token": "\\xc3", "logprob": -1.0, "bytes": [195], "top_logprobs": []},
      {"token": "\\xa9", "logprob": -1.0, "bytes": [169], "top_logprobs": []}], "refusal": null},
    "finish_reason": "stop"}], "usage": {"prompt_tokens": 19, "completion_tokens": 5, "total_tokens": 24,
    "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0}}, "service_tier": "default",
    "system_fingerprint": "fp_1"})");
  EXPECT_EQ(reply.text, "[1]é");
  EXPECT_EQ(text_of(reply), reply.text);
  ASSERT_EQ(reply.tokens.size(), 5u);
  EXPECT_EQ(reply.tokens[0].candidates, (std::vector<Candidate>{{"[", 0}, {"\n", -9999}}));
  EXPECT_EQ(reply.tokens[1].candidates, (std::vector<Candidate>{{"0", -0.2}, {"1", -0.3}, {"2", -4.5}}));
  EXPECT_EQ(reply.n_prompt_tokens, 19);
  EXPECT_EQ(reply.n_reply_tokens, 5);
}

TEST(ServerShapes, OfVllmWithAThoughtBeforeTheAnswer) {
  const Reply reply = parse_reply({}, chat(), R"({"id": "chatcmpl-1", "object": "chat.completion", "created": 1,
    "model": "Qwen/Qwen3-8B", "choices": [{"index": 0, "message": {"role": "assistant", "reasoning_content": "[0]",
    "content": "[1]", "tool_calls": []}, "logprobs": {"content": [
      {"token": "<think>", "logprob": 0.0, "bytes": [60, 116, 104, 105, 110, 107, 62], "top_logprobs": [
        {"token": "<think>", "logprob": 0.0, "bytes": [60, 116, 104, 105, 110, 107, 62]}]},
      {"token": "[0]", "logprob": -0.1, "bytes": [91, 48, 93], "top_logprobs": [{"token": "[0]", "logprob": -0.1,
        "bytes": [91, 48, 93]}]},
      {"token": "</think>", "logprob": -0.1, "bytes": [60, 47, 116, 104, 105, 110, 107, 62], "top_logprobs": [
        {"token": "</think>", "logprob": -0.1}]},
      {"token": " [", "logprob": -0.1, "bytes": [32, 91], "top_logprobs": [{"token": " [", "logprob": -0.1}]},
      {"token": "1", "logprob": -0.4, "bytes": [49], "top_logprobs": [{"token": "1", "logprob": -0.4},
        {"token": "0", "logprob": -1.2}]},
      {"token": "]", "logprob": -0.1, "bytes": [93], "top_logprobs": [{"token": "]", "logprob": -0.1}]},
      {"token": "<|im_end|>", "logprob": -0.1, "bytes": [60], "top_logprobs": [{"token": "<|im_end|>",
        "logprob": -0.1}]}]}, "finish_reason": "stop", "stop_reason": null}],
    "usage": {"prompt_tokens": 12, "total_tokens": 19, "completion_tokens": 7, "prompt_tokens_details": null},
    "prompt_logprobs": null, "kv_transfer_params": null})");
  ASSERT_EQ(reply.tokens.size(), 3u);
  EXPECT_EQ(text_of(reply), "[1]");
  EXPECT_EQ(reply.tokens[1].candidates, (std::vector<Candidate>{{"1", -0.4}, {"0", -1.2}}));
}

TEST(ServerShapes, OfLlamaCppServer) {
  const Reply reply = parse_reply({}, chat(), R"({"choices": [{"finish_reason": "stop", "index": 0, "message":
    {"role": "assistant", "content": "01"}, "logprobs": {"content": [
      {"id": 15, "token": "0", "bytes": [48], "logprob": -0.69, "top_logprobs": [
        {"id": 15, "token": "0", "bytes": [48], "logprob": -0.69}, {"id": 16, "token": "1", "bytes": [49],
         "logprob": -0.7}]},
      {"id": 16, "token": "1", "bytes": [49], "logprob": -0.5, "top_logprobs": [
        {"id": 16, "token": "1", "bytes": [49], "logprob": -0.5}]}]}}], "created": 1, "model": "gpt-3.5-turbo",
    "system_fingerprint": "b4400", "object": "chat.completion", "usage": {"completion_tokens": 2, "prompt_tokens": 9,
    "total_tokens": 11}, "id": "chatcmpl-1", "timings": {"prompt_n": 9, "prompt_ms": 1.5}})");
  EXPECT_EQ(text_of(reply), "01");
  EXPECT_EQ(reply.tokens[0].candidates.size(), 2u);
}

TEST(ServerShapes, OfLlamaCppsPythonServer) {
  // Newer: the shape of chats; older: that of completions.
  const Reply newer = parse_reply({}, chat(), R"({"id": "chatcmpl-1", "object": "chat.completion", "created": 1,
    "model": "tiny.gguf", "choices": [{"index": 0, "message": {"role": "assistant", "content": "[1"},
    "logprobs": {"content": [
      {"token": "[", "bytes": null, "logprob": -0.25, "top_logprobs": [{"token": "[", "logprob": -0.25,
        "bytes": null}]},
      {"token": "1", "bytes": null, "logprob": -0.5, "top_logprobs": [{"token": "1", "logprob": -0.5, "bytes": null},
        {"token": "0", "logprob": -1.5, "bytes": null}]}], "refusal": null}, "finish_reason": "length"}],
    "usage": {"prompt_tokens": 30, "completion_tokens": 2, "total_tokens": 32}})");
  const Reply older = parse_reply({}, chat(), R"({"choices": [{"index": 0, "message": {"role": "assistant", "content":
    "[1"}, "logprobs": {"tokens": ["[", "1"], "text_offset": [30, 31], "token_logprobs": [-0.25, -0.5],
    "top_logprobs": [{"[": -0.25}, {"0": -1.5, "1": -0.5}]}, "finish_reason": "length"}],
    "usage": {"prompt_tokens": 30, "completion_tokens": 2}})");
  EXPECT_EQ(newer, older);
  EXPECT_EQ(newer.tokens[1].candidates, (std::vector<Candidate>{{"1", -0.5}, {"0", -1.5}}));
}

TEST(ServerShapes, OfTextGenerationInference) {
  const Reply reply = parse_reply({}, chat(), R"({"object": "chat.completion", "id": "", "created": 1,
    "model": "meta-llama/Llama-3.1-8B-Instruct", "system_fingerprint": "3.0.0-native", "choices": [{"index": 0,
    "message": {"role": "assistant", "content": "1"}, "logprobs": {"content": [{"token": "1", "logprob": -0.1,
    "top_logprobs": [{"token": "1", "logprob": -0.1}, {"token": "0", "logprob": -2.4}]}]}, "finish_reason": "length"}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10}})");
  EXPECT_EQ(reply.tokens, (std::vector<ReplyToken>{{"1", {{"1", -0.1}, {"0", -2.4}}}}));
}

TEST(ServerShapes, OfTransformersServe) {
  const std::string body = R"({"id": "req-1", "choices": [{"finish_reason": "stop", "index": 0, "message": {"content":
    "A test", "role": "assistant"}}], "created": 1, "model": "tiny@main", "object": "chat.completion",
    "usage": {"completion_tokens": 2, "prompt_tokens": 5, "total_tokens": 7}})";
  JudgeOptions options;
  EXPECT_THROW(parse_reply(options, chat(), body), UnusableReply);
  options.logprobs = false;
  const Reply reply = parse_reply(options, chat(), body);
  EXPECT_EQ(reply.text, "A test");
  EXPECT_TRUE(reply.tokens.empty());
}

TEST(ServerShapes, MayBeAListOfParts) {
  EXPECT_EQ(parse_reply({}, chat(false), R"({"choices": [{"message": {"content": [{"type": "text", "text": "a"},
    {"type": "text", "text": "b"}]}}]})")
                .text,
            "ab");
}

TEST(ServerShapes, KeepsTokensOnlyWhereTheyAreWanted) {
  const Reply reply = parse_reply({}, chat(false), R"({"choices": [{"message": {"content": "1"}, "logprobs": {"content":
    [{"token": "1", "logprob": -0.1, "top_logprobs": [{"token": "1", "logprob": -0.1}]}]}}]})");
  EXPECT_TRUE(reply.tokens.empty());
}

JudgeOptions echoing() {
  JudgeOptions options;
  options.prompt_logprobs = "echo";
  return options;
}

TEST(ServerShapes, EchoesAPromptWithMarksAndAGeneratedToken) {
  const Reply reply = parse_reply(echoing(), prompt("a b\t?"), R"({"id": "cmpl-1", "object": "text_completion",
    "choices": [{"text": "a b\t? 7", "index": 0, "logprobs": {"tokens": ["<s>", "a", " b", "\t", "?", " 7"],
    "text_offset": [0, 0, 1, 3, 4, 5], "token_logprobs": [null, -1.0, -2.0, -0.5, -3.0, -0.1],
    "top_logprobs": [null, {"a": -1.0}, {" b": -2.0, " c": -1.5}, {"\t": -0.5}, {"0": -0.2, "1": -1.9}, {" 7": -0.1}]},
    "finish_reason": "length"}], "usage": {"prompt_tokens": 5, "completion_tokens": 1}})");
  EXPECT_EQ(reply.text, "a b\t?");
  ASSERT_EQ(reply.tokens.size(), 4u);
  EXPECT_EQ(text_of(reply), "a b\t?");
  EXPECT_EQ(reply.tokens[1].candidates, (std::vector<Candidate>{{" c", -1.5}, {" b", -2}}));
  EXPECT_EQ(reply.tokens[3].candidates, (std::vector<Candidate>{{"0", -0.2}, {"1", -1.9}, {"?", -3}}));
}

TEST(ServerShapes, EchoesAPromptWhoseTokensPartCharacters) {
  const Reply reply = parse_reply(echoing(), prompt("x \xF0\x9F\x98\x80 y"), R"({"choices": [{"text": "", "logprobs":
    {"tokens": ["x", " \uFFFD", "\uFFFD", " y", "z"], "token_logprobs": [null, -1, -1, -1, -1],
    "top_logprobs": [null, {"a": -1}, {"b": -1}, {"c": -1}, {"d": -1}]}}]})");
  EXPECT_EQ(text_of(reply), "x \xF0\x9F\x98\x80 y");
  EXPECT_EQ(reply.tokens.back().text, " y");
  EXPECT_EQ(reply.tokens.back().candidates[0].text, "c");
}

TEST(ServerShapes, HasVllmsLogprobsOfAPrompt) {
  JudgeOptions options;
  options.prompt_logprobs = "vllm";
  // The first of each entry's fields is the prompt's own token, whatever its id; before the first stands nothing.
  for (const std::string first :
       {"null", "null, {\"9\": {\"logprob\": -5.5, \"rank\": 40, \"decoded_token\": \"a\"}}"}) {
    const Reply reply = parse_reply(options, prompt("ab?"),
                                    R"({"id": "cmpl-1", "object": "text_completion", "choices":
      [{"index": 0, "text": "x", "logprobs": null, "finish_reason": "length", "stop_reason": null, "prompt_logprobs": [)" +
                                        first + R"(,
      {"300": {"logprob": -2.5, "rank": 7, "decoded_token": "b"}, "11": {"logprob": -0.5, "rank": 1,
       "decoded_token": "c"}}, {"30": {"logprob": -4.0, "rank": 9, "decoded_token": "?"}, "15": {"logprob": -0.1,
       "rank": 1, "decoded_token": "0"}, "16": {"logprob": -2.3, "rank": 2, "decoded_token": "1"}}]}],
      "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}})");
    EXPECT_EQ(text_of(reply), "ab?");
    const ReplyToken wanted{"?", {{"0", -0.1}, {"1", -2.3}, {"?", -4}}};
    EXPECT_EQ(reply.tokens.back(), wanted);
    EXPECT_EQ(reply.tokens[reply.tokens.size() - 2].text, "b");
  }
}

//! A chat's reply with one token of that logprob.
std::string with_logprob(const std::string& logprob) {
  return R"({"choices": [{"message": {"content": "1"}, "logprobs": {"content": [{"token": "1", "logprob": -0.1,
    "top_logprobs": [{"token": "1", "logprob": -0.1}, {"token": "0", "logprob": )" +
         logprob + "}]}]}}]}";
}

TEST(ServerShapes, HasNoLogprobsThatAreNoLogarithms) {
  for (const char* logprob : {"NaN", "null", "\"-1\"", "0.5", "Infinity", "-1e999"}) {
    EXPECT_THROW(parse_reply({}, chat(), with_logprob(logprob)), UnusableReply) << logprob;
  }
  EXPECT_EQ(parse_reply({}, chat(), with_logprob("-Infinity")).tokens[0].candidates[1].logprob, -9999);
  EXPECT_EQ(parse_reply({}, chat(), with_logprob("1e-7")).tokens[0].candidates[0], (Candidate{"0", 0}));
}

TEST(ServerShapes, IsUnusableWithoutAnAnswer) {
  for (const char* body :
       {R"({"choices": []})", R"({})", R"({"choices": [{}]})", R"({"choices": [{"message": {"content": null}}]})",
        R"({"choices": [{"message": {"content": ""}}]})", R"({"choices": [{"message": {"content": "1"}}]})",
        R"({"choices": [{"message": {"content": null, "refusal": "I cannot help with that."}}]})",
        R"({"choices": [{"message": {"content": "1"}, "logprobs": {"content": []}}]})",
        R"({"choices": [{"message": {"content": "1"}, "logprobs": {"content": [{"logprob": -1}]}}]})",
        R"({"choices": [{"message": {"content": "1"}, "logprobs": {"content": [{"token": "1", "logprob": -1}]}}]})",
        R"({"choices": [{"message": {"content": "1"}, "logprobs": {"content": [{"token": "other", "logprob": -1,
            "top_logprobs": [{"token": "other", "logprob": -1}]}]}}]})",
        "{\"choices\": [{\"message\": {\"content\": \"\xC3\x28\"}}]}"}) {
    EXPECT_THROW(parse_reply({}, chat(), body), UnusableReply) << body;
  }
}

TEST(ServerShapes, IsOfTheTransportWhereItIsNoReply) {
  for (const char* body : {"", "<html></html>", R"({"choices": [{"message": {"con)", "[]", "null", "upstream failed",
                           R"({"error": {"message": "Provider returned error", "code": 502}})"}) {
    EXPECT_THROW(parse_reply({}, chat(), body), TransportFault) << body;
  }
}

TEST(ServerShapes, TellsErrorsOfEveryServer) {
  EXPECT_EQ(error_message(R"({"error": {"message": "a", "type": "t", "code": null}})"), "a");
  EXPECT_EQ(error_message(R"({"object": "error", "message": "a", "code": 404})"), "a");  // vLLM before 0.10
  EXPECT_EQ(error_message(R"({"error": "a", "error_type": "overloaded"})"), "a");        // TGI
  EXPECT_EQ(error_message(R"({"detail": "a"})"), "a");                                   // transformers
  EXPECT_EQ(error_message("Bad\nGateway"), "'Bad Gateway'");
  EXPECT_TRUE(is_filtered(R"({"error": {"code": "content_filter", "message": "a"}})"));  // Azure
  EXPECT_FALSE(is_filtered(R"({"error": {"code": "invalid_model"}})"));
}

}  // namespace
}  // namespace saesweep::judge
