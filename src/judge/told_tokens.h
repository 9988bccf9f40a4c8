#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "judge/token_alignment.h"

namespace saesweep::judge {

//! JSON whose fields keep their order: vLLM's say by it which candidate is the prompt's own token.
using ReplyJson = nlohmann::ordered_json;

//! The tokens and candidates of the logprobs of a reply, in each of the shapes of chats ({"content": [...]}) and
//! completions ({"tokens": [...], "top_logprobs": [...]}). Throws UnusableReply where they have none of these or their
//! logprobs are no numbers.
std::vector<ToldToken> told_tokens(const ReplyJson& logprobs);

//! The same of vLLM's prompt_logprobs: a list of {id: {"logprob", "rank", "decoded_token"}}.
std::vector<ToldToken> told_prompt_tokens(const ReplyJson& prompt_logprobs);

//! The field, or null.
const ReplyJson& field(const ReplyJson& object, const std::string& name);

}  // namespace saesweep::judge
