#pragma once

#include <stdexcept>
#include <string>

#include "judge/chat.h"
#include "judge/judge.h"
#include "judge/options.h"

namespace saesweep::judge {

//! No answer of the model came: the connection broke, the server was busy, or something else answered. The request is
//! sent again as it is.
class TransportFault : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

//! The reply to a request, of the body that a server sent with status 200. Read are the shapes of OpenAI, vLLM,
//! llama.cpp (its own and its Python server), TGI and transformers. Candidates are in order of their logprobs, and the
//! token that was chosen is among them. Tokens are kept only where the request wanted logprobs.
//! Throws TransportFault where this is no JSON or an error; UnusableReply where the model's answer is missing or not
//! whole, logprobs that were wanted are missing or no numbers, or text is no UTF-8.
Reply parse_reply(const JudgeOptions& options, const Request& request, const std::string& body);

//! What a server says of an error, in one line of at most 300 bytes.
std::string error_message(const std::string& body);

//! Whether a server refuses by status 400 because its filter does not let the content pass: one request's fault.
bool is_filtered(const std::string& body);

//! The beginning of a text on one line, for messages.
std::string beginning_of(const std::string& text);

}  // namespace saesweep::judge
