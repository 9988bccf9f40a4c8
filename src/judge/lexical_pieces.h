#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace saesweep::judge {

//! A piece of an example as the lexical judge sees it: letters, digits, a sign, or white space. It holds no leading
//! blank, and never spans the edge of a mark, so it may be a part of a word.
struct Piece {
  enum class Kind : uint8_t { kLetters, kDigits, kSign, kSpace };

  std::string_view text = {};
  Kind kind = Kind::kSign;
  bool is_marked = false;
  //! Whether a blank stands before it.
  bool has_blank = false;
  //! Whether the same letters or digits go on to its left, and to its right.
  bool continues = false;
  bool is_continued = false;
  //! The classes it belongs to: bits of Class.
  uint32_t classes = 0;

  bool is_whole_word() const { return kind == Kind::kLetters && !continues && !is_continued; }
};

//! Kinds of pieces that an explanation can name; kClassNames says how.
enum Class : uint8_t {
  kNumbers,
  kCapitalized,
  kUpperCase,
  kLowerCase,
  kSingleLetters,
  kSigns,
  kBrackets,
  kQuotes,
  kSentenceEnds,
  kCommas,
  kLineBreaks,
  kWhiteSpace,
  kLongWords,
  kShortWords,
  kGlued,
  kNotAscii,
  kNumberOfClasses
};
constexpr std::string_view kClassNames[] = {"numbers",
                                            "words with a capital letter",
                                            "words in capital letters",
                                            "words in small letters",
                                            "single letters",
                                            "signs of any kind",
                                            "brackets",
                                            "quotation marks",
                                            "signs that end a sentence",
                                            "commas, colons and semicolons",
                                            "line breaks",
                                            "white space",
                                            "long words",
                                            "short words",
                                            "words without a blank before them",
                                            "letters beyond English"};

//! Splits a line of text, marked tokens between << and >>. The pieces point into it.
std::vector<Piece> pieces_of(std::string_view line);

//! What decides a piece's place in an explanation, as 64-bit hashes. A text enters with whether it is a part of a word.
uint64_t term_key(std::string_view text, bool continues, bool is_continued);
uint64_t pair_key(uint64_t term, std::string_view before);
uint64_t after_key(std::string_view before);
uint64_t ending_key(std::string_view ending);

//! Letters of the endings that are looked at.
constexpr size_t kShortestEnding = 2;
constexpr size_t kLongestEnding = 4;

//! Calls visit(ending) for each ending of a piece that ends a word and has two letters more.
template <class Visit>
void for_each_ending(const Piece& piece, Visit visit) {
  if (piece.kind != Piece::Kind::kLetters || piece.is_continued) return;
  for (size_t n = kShortestEnding; n <= kLongestEnding && n + 2 <= piece.text.size(); ++n) {
    const auto ending = piece.text.substr(piece.text.size() - n);
    const bool is_cut = (static_cast<unsigned char>(ending[0]) & 0xc0U) == 0x80U;  // within a character
    if (!is_cut) visit(ending);
  }
}

//! Calls visit(key) for every term that is a part of a whole word: how a text without marks may be cut is not known.
template <class Visit>
void for_each_part(const Piece& piece, Visit visit) {
  if (!piece.is_whole_word()) return;
  for (size_t n = 1; n < piece.text.size(); ++n) {
    visit(term_key(piece.text.substr(0, n), false, true));
    visit(term_key(piece.text.substr(n), true, false));
  }
}

}  // namespace saesweep::judge
