#pragma once

#include <cstdint>
#include <string_view>

#include "base/utf8.h"

namespace saesweep::text {

//! Whether a code point has the Unicode property White_Space: \s of Oniguruma and of Rust's regex crate. (PCRE2's \s
//! has U+180E besides.)
constexpr bool is_white_space(uint32_t code_point) {
  return (code_point >= 0x09 && code_point <= 0x0D) || code_point == 0x20 || code_point == 0x85 || code_point == 0xA0 ||
         code_point == 0x1680 || (code_point >= 0x2000 && code_point <= 0x200A) || code_point == 0x2028 ||
         code_point == 0x2029 || code_point == 0x202F || code_point == 0x205F || code_point == 0x3000;
}

//! Whether the last character of a text that is not empty is white space.
inline bool ends_in_white_space(std::string_view text) {
  size_t start = text.size() - 1;
  while (start > 0 && (static_cast<uint8_t>(text[start]) & 0xC0) == 0x80) --start;
  return is_white_space(next_code_point(text, start));
}

}  // namespace saesweep::text
