#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "autointerp/options.h"
#include "judge/chat.h"

namespace saesweep::autointerp {

//! What stands for {name} in a template.
using Placeholders = std::vector<std::pair<std::string_view, std::string>>;

//! The text with each {name} of the placeholders replaced, once: what is put in is not read again.
std::string filled(std::string_view text, const Placeholders& placeholders);

//! The chat of a template: system, shots, and the user's turn, filled.
judge::Request chat_of(const PromptTemplate& prompt, const Placeholders& placeholders, bool logprobs);

//! Examples joined, one a line, as {examples} and {tokens} have them.
std::string joined_lines(const std::vector<std::string>& lines);

}  // namespace saesweep::autointerp
