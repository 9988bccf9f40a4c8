#include "judge/openai_request.h"

#include <algorithm>

#include "base/errors.h"

namespace saesweep::judge {

namespace {

constexpr double kLeastTemperatureOfRetries = 0.5;

Json messages_of(const Request& request) {
  Json messages = Json::array();
  for (const Message& message : request.messages) {
    messages.push_back({{"role", message.role}, {"content", message.content}});
  }
  return messages;
}

void add_chat(Json& body, const JudgeOptions& options, const Request& request) {
  body["messages"] = messages_of(request);
  body["max_tokens"] = request.max_tokens;
  if (!request.logprobs || !options.logprobs) return;
  body["logprobs"] = true;
  body["top_logprobs"] = options.top_logprobs;
}

void add_prompt(Json& body, const JudgeOptions& options, const Request& request) {
  body["prompt"] = request.prompt;
  body["max_tokens"] = 1;  // some servers refuse 0, llama.cpp's Python server takes it for no limit
  if (options.prompt_logprobs == "vllm") {
    body["prompt_logprobs"] = options.top_logprobs;
  } else if (options.prompt_logprobs == "echo") {
    body["echo"] = true;
    body["logprobs"] = options.top_logprobs;
  } else {
    throw SystemError(
        "a judge was asked for logprobs of a prompt, which [judge] prompt_logprobs says it does not give");
  }
}

}  // namespace

Json extra_fields(const JudgeOptions& options) {
  const Json extra = Json::parse(options.extra_body, nullptr, false);
  if (!extra.is_object()) {
    throw ConfigError("[judge] extra_body", "is no JSON object: " + options.extra_body);
  }
  return extra;
}

std::string path_of(const Request& request) {
  return request.kind == Request::Kind::kChat ? "/chat/completions" : "/completions";
}

Json request_body(const JudgeOptions& options, const Json& extra, const Request& request, int attempt) {
  // The same request again would get the same useless reply from a server that is deterministic: each attempt has a
  // seed of its own and a temperature at which seeds matter.
  const double least = attempt > 0 ? kLeastTemperatureOfRetries : 0.0;
  Json body = {{"temperature", std::max(options.temperature, least)}, {"seed", options.seed + attempt}};
  if (!options.model.empty()) body["model"] = options.model;
  if (request.kind == Request::Kind::kChat) {
    add_chat(body, options, request);
  } else {
    add_prompt(body, options, request);
  }
  body.merge_patch(extra);
  return body;
}

}  // namespace saesweep::judge
