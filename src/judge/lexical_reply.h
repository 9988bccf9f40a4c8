#pragma once

#include <cstdint>

#include "judge/chat.h"

namespace saesweep::judge {

//! To be raised when its answers change: it enters the score id.
inline constexpr int64_t kLexicalVersion = 1;

//! Answers a prompt from the words in it, without a model: explains by the words and contexts that set marked tokens
//! apart, and judges by such an explanation. Same bits for the same request; thread-safe. A prompt that it cannot read
//! (docs/prompts.md says what it needs to find) is answered with a sentence that says so.
Reply lexical_reply(const Request& request);

}  // namespace saesweep::judge
