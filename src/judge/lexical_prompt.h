#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "judge/chat.h"

namespace saesweep::judge {

//! What a prompt asks, as its own lines tell (docs/prompts.md). The views point into the request.
struct LexicalQuestion {
  enum class Task : uint8_t { kUnknown, kExplanation, kFuzzing, kDetection, kSimulation };
  Task task = Task::kUnknown;
  std::string_view explanation = {};
  //! Examples, or of a simulation the tokens.
  std::vector<std::string_view> texts = {};
};

//! Reads the last message of a chat, or the prompt.
LexicalQuestion read_question(const Request& request);

}  // namespace saesweep::judge
