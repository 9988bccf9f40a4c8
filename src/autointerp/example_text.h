#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "autointerp/examples.h"

namespace saesweep::autointerp {

//! The bytes of a token; part of a character, maybe.
using TokenText = std::function<std::string(uint32_t id)>;

//! Which tokens of a window are marked: bit i for token i. Windows have at most 63 tokens.
using Marks = uint64_t;

//! Tokens whose activation is above threshold * the window's peak.
Marks marks_of(const Window& window, double threshold);

//! A window as one line: its tokens joined, each run of marked ones between << and >>; new lines, tabs and carriage
//! returns written \n, \t, \r; what looks like a mark in the text itself parted by a space (< <); bytes that are no
//! character replaced by U+FFFD.
std::string example_text(const Window& window, Marks marks, const TokenText& token_text);

//! The marked tokens with their activations, as `" noon" 9, " dawn" 8`: whole numbers from 1 to 10, 10 for `greatest`.
std::string activations_text(const Window& window, Marks marks, float greatest, const TokenText& token_text);

//! A token by itself, on one line.
std::string token_line(std::string_view bytes);

}  // namespace saesweep::autointerp
