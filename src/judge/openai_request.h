#pragma once

#include <string>

#include "base/json.h"
#include "judge/chat.h"
#include "judge/options.h"

namespace saesweep::judge {

//! JudgeOptions::extra_body. Throws ConfigError where it is no JSON object.
Json extra_fields(const JudgeOptions& options);

//! Where a request goes, below the base address: "/chat/completions" or "/completions".
std::string path_of(const Request& request);

//! The body of a request in OpenAI's protocol, asked for the attempt-th time (from 0) since its replies could not be
//! used. extra is merged into it (RFC 7396: its fields win, null takes one out). Nothing of the endpoint is in it.
//! Throws SystemError for a kPrompt where the endpoint gives no logprobs of prompts.
//! Source: platform.openai.com/docs/api-reference/chat, docs.vllm.ai (prompt_logprobs).
Json request_body(const JudgeOptions& options, const Json& extra, const Request& request, int attempt);

}  // namespace saesweep::judge
