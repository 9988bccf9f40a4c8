#pragma once

#include <string>
#include <string_view>

namespace saesweep::text {

//! Unicode normal form C (UAX #15) of UTF-8 text, by the tables of Unicode 9 as in Hugging Face tokenizers. Returns a
//! view of text itself where nothing can change (no code point from U+0300 on), else of scratch.
std::string_view nfc(std::string_view text, std::string& scratch);

}  // namespace saesweep::text
