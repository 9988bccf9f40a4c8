#pragma once

#include "http/server.h"

namespace saesweep::judge {

//! Answers OpenAI's protocol by the lexical judge: POST /v1/chat/completions (with logprobs), POST /v1/completions with
//! echo (the logprobs of a prompt; nothing is generated), GET /v1/models and /health. The model's name is taken as it
//! comes, and keys are not looked at. Other paths are answered with 404, bodies that cannot be used with 400.
//! Thread-safe.
http::ServerReply serve_lexical(const http::ServerRequest& request);

}  // namespace saesweep::judge
