#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace saesweep {

//! Byte offset of the first byte that is not UTF-8 (RFC 3629: no surrogates, no overlong forms), or none.
std::optional<size_t> find_invalid_utf8(std::string_view text);

//! The text with what is no character replaced by U+FFFD, one for each longest piece that could begin one (the
//! practice that the Unicode standard, section 3.9, recommends).
std::string valid_utf8(std::string_view text);

//! A place in a file: byte offset, and line counted from 1.
struct TextPlace {
  uint64_t offset = 0;
  uint64_t line = 1;
};

//! Throws TextError with the byte offset and the line where text is not UTF-8. `where` names its file, `begin` the
//! place in it at which text begins; gives the place at which it ends.
TextPlace require_utf8(std::string_view text, const std::string& where, TextPlace begin = {});

//! Length of text without the sequence that its end breaks off, if it does.
size_t whole_sequences(std::string_view text);

//! Appends the UTF-8 form of a code point.
void append_utf8(uint32_t code_point, std::string& out);

//! The code point that starts at text[offset], which it moves on. The text must be UTF-8.
uint32_t next_code_point(std::string_view text, size_t& offset);

}  // namespace saesweep
