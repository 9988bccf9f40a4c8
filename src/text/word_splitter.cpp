#include "text/word_splitter.h"

#include <fmt/format.h>

#include "text/unicode_tables.h"

namespace saesweep::text {

namespace {

//! Unicode's White_Space; PCRE2's \s has U+180E besides.
constexpr const char* kSpace = R"(\t-\r\x20\x85\xA0\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000})";

//! 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+ with the classes above. The
//! possessive ++ match the same, as each class ends where the next begins, and spare the way back.
std::string expression() {
  const std::string letter = std::string(R"(\p{L})") + kMoreLetters, number = std::string(R"(\p{N})") + kMoreNumbers;
  return fmt::format("'(?:[stmd]|re|ve|ll)| ?[{0}]++| ?[{1}]++| ?[^{2}{0}{1}]++|[{2}]+(?![^{2}])|[{2}]++", letter,
                     number, kSpace);
}

}  // namespace

WordSplitter::WordSplitter() : pattern_(expression()) {}

}  // namespace saesweep::text
