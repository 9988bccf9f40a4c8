#include "text/word_splitter.h"

#include <fmt/format.h>

namespace saesweep::text {

namespace {

//! Unicode 16, as in the Oniguruma of Hugging Face tokenizers: \p{L} and \p{N} of PCRE2 10.42 are Unicode 14, so the
//! letters and numbers of Unicode 15 and 16 are named here.
constexpr const char* kLetter =
    R"(\p{L}\x{1C89}-\x{1C8A}\x{A7CB}-\x{A7CD}\x{A7DA}-\x{A7DC}\x{105C0}-\x{105F3}\x{10D4A}-\x{10D65})"
    R"(\x{10D6F}-\x{10D85}\x{10EC2}-\x{10EC4}\x{1123F}-\x{11240}\x{11380}-\x{11389}\x{1138B}\x{1138E})"
    R"(\x{11390}-\x{113B5}\x{113B7}\x{113D1}\x{113D3}\x{11BC0}-\x{11BE0}\x{11F02}\x{11F04}-\x{11F10})"
    R"(\x{11F12}-\x{11F33}\x{1342F}\x{13441}-\x{13446}\x{13460}-\x{143FA}\x{16100}-\x{1611D}\x{16D40}-\x{16D6C})"
    R"(\x{18CFF}\x{1B132}\x{1B155}\x{1DF25}-\x{1DF2A}\x{1E030}-\x{1E06D}\x{1E4D0}-\x{1E4EB}\x{1E5D0}-\x{1E5ED})"
    R"(\x{1E5F0}\x{2B739}\x{2EBF0}-\x{2EE5D}\x{31350}-\x{323AF})";
constexpr const char* kNumber =
    R"(\p{N}\x{10D40}-\x{10D49}\x{116D0}-\x{116E3}\x{11BF0}-\x{11BF9}\x{11F50}-\x{11F59}\x{16130}-\x{16139})"
    R"(\x{16D70}-\x{16D79}\x{1CCF0}-\x{1CCF9}\x{1D2C0}-\x{1D2D3}\x{1E4F0}-\x{1E4F9}\x{1E5F1}-\x{1E5FA})";

//! Unicode's White_Space; PCRE2's \s has U+180E besides.
constexpr const char* kSpace = R"(\t-\r\x20\x85\xA0\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000})";

//! 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+ with the classes above. The
//! possessive ++ match the same, as each class ends where the next begins, and spare the way back.
std::string expression() {
  return fmt::format("'(?:[stmd]|re|ve|ll)| ?[{0}]++| ?[{1}]++| ?[^{2}{0}{1}]++|[{2}]+(?![^{2}])|[{2}]++", kLetter,
                     kNumber, kSpace);
}

}  // namespace

WordSplitter::WordSplitter() : pattern_(expression()) {}

}  // namespace saesweep::text
