#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace saesweep::text {

//! The bytes behind a word of a byte-level vocabulary ("Ġthe" is " the"), or none where a character of the word
//! stands for no byte. Source: GPT-2's bytes_to_unicode: printable Latin-1 stands for itself, the other bytes, in
//! order, are U+0100 and on.
std::optional<std::string> bytes_of(std::string_view word);

}  // namespace saesweep::text
