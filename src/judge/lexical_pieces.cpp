#include "judge/lexical_pieces.h"

#include <algorithm>

namespace saesweep::judge {
namespace {

using Kind = Piece::Kind;

bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}

bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_letter(char c) {
  return is_upper(c) || is_lower(c) || static_cast<unsigned char>(c) >= 0x80;
}

bool is_one_of(char c, std::string_view set) {
  return set.find(c) != std::string_view::npos;
}

//! The two characters in which prompts write a line break, tab or carriage return.
bool is_escape(std::string_view text) {
  return text.size() >= 2 && text[0] == '\\' && is_one_of(text[1], "ntr");
}

constexpr uint32_t bit(Class c) {
  return 1U << c;
}

constexpr size_t kLongWord = 8;
constexpr size_t kShortWord = 3;

uint32_t word_classes(std::string_view text) {
  size_t n_upper = 0;
  size_t n_lower = 0;
  bool is_ascii = true;
  for (const char c : text) {
    n_upper += is_upper(c);
    n_lower += is_lower(c);
    is_ascii &= static_cast<unsigned char>(c) < 0x80;
  }
  uint32_t classes = is_ascii ? 0 : bit(kNotAscii);
  if (text.size() == 1) return classes | bit(kSingleLetters);
  if (is_upper(text[0]) && n_lower > 0) classes |= bit(kCapitalized);
  if (n_upper > 1 && n_lower == 0) classes |= bit(kUpperCase);
  if (n_upper == 0) classes |= bit(kLowerCase);
  if (text.size() >= kLongWord) classes |= bit(kLongWords);
  if (text.size() <= kShortWord) classes |= bit(kShortWords);
  return classes;
}

uint32_t sign_classes(char c) {
  uint32_t classes = bit(kSigns);
  if (is_one_of(c, "()[]{}<>")) classes |= bit(kBrackets);
  if (is_one_of(c, "\"'`")) classes |= bit(kQuotes);
  if (is_one_of(c, ".!?")) classes |= bit(kSentenceEnds);
  if (is_one_of(c, ",;:")) classes |= bit(kCommas);
  return classes;
}

uint32_t classes_of(const Piece& piece) {
  switch (piece.kind) {
    case Kind::kDigits:
      return bit(kNumbers);
    case Kind::kSign:
      return sign_classes(piece.text[0]);
    case Kind::kSpace:
      return bit(kWhiteSpace) | (is_escape(piece.text) && piece.text[1] != 't' ? bit(kLineBreaks) : 0);
    case Kind::kLetters:
      break;
  }
  return word_classes(piece.text) | (piece.has_blank || piece.continues ? 0 : bit(kGlued));
}

//! Splits text between two edges of marks.
class Splitter {
 public:
  Splitter(std::vector<Piece>& pieces, std::string_view text, bool is_marked)
      : pieces_(pieces), text_(text), is_marked_(is_marked) {}

  void split() {
    while (at_ < text_.size()) {
      skip_blanks();
      if (at_ < text_.size()) add_piece();
    }
    // The blank is a token of its own.
    if (has_blank_) add({.text = kBlank, .kind = Kind::kSpace});
  }

 private:
  static constexpr std::string_view kBlank = " ";
  static constexpr std::string_view kBlanks = "  ";

  std::string_view rest() const { return text_.substr(at_); }

  void skip_blanks() {
    const size_t start = at_;
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
    has_blank_ = at_ > start;
    if (at_ - start > 1) add({.text = kBlanks, .kind = Kind::kSpace});
  }

  void add_piece() {
    const auto text = rest();
    if (is_escape(text)) return add_run(Kind::kSpace, escape_length(text));
    if (is_letter(text[0])) return add_run(Kind::kLetters, length_while(is_letter));
    if (is_digit(text[0])) return add_run(Kind::kDigits, length_while(is_digit));
    add_run(Kind::kSign, length_while([&](char c) { return c == text[0]; }));
  }

  template <class Test>
  size_t length_while(Test test) const {
    const auto text = rest();
    size_t n = 1;
    while (n < text.size() && test(text[n])) ++n;
    return n;
  }

  static size_t escape_length(std::string_view text) {
    size_t n = 2;
    while (text.substr(n, 2) == text.substr(0, 2)) n += 2;
    return n;
  }

  void add_run(Kind kind, size_t length) {
    add({.text = text_.substr(at_, length), .kind = kind});
    at_ += length;
    has_blank_ = false;
  }

  void add(Piece piece) {
    piece.is_marked = is_marked_;
    piece.has_blank = has_blank_;
    pieces_.push_back(piece);
  }

  std::vector<Piece>& pieces_;
  std::string_view text_;
  bool is_marked_;
  size_t at_ = 0;
  bool has_blank_ = false;
};

//! Where the mark's next edge stands. A marked ">" stands before its edge.
size_t edge_of(std::string_view line, size_t at, bool is_marked) {
  size_t edge = std::min(line.find(is_marked ? ">>" : "<<", at), line.size());
  if (is_marked && line.substr(edge, 3) == ">>>" && line.find_first_not_of(' ', at) == edge) ++edge;
  return edge;
}

void join(Piece& left, Piece& right) {
  const bool is_joined =
      left.kind == right.kind && !right.has_blank && (left.kind == Kind::kLetters || left.kind == Kind::kDigits);
  left.is_continued = is_joined;
  right.continues = is_joined;
}

constexpr uint64_t kOffset = 0xcbf29ce484222325U;

uint64_t mix(uint64_t hash, std::string_view text) {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return hash;
}

//! FNV-1a's low bits are weak; tables are indexed by them.
uint64_t finish(uint64_t hash) {
  hash ^= hash >> 32;
  hash *= 0x9e3779b97f4a7c15U;
  return hash ^ (hash >> 29);
}

}  // namespace

std::vector<Piece> pieces_of(std::string_view line) {
  std::vector<Piece> pieces;
  pieces.reserve(line.size() / 3);
  bool is_marked = false;
  for (size_t at = 0; at < line.size();) {
    const size_t edge = edge_of(line, at, is_marked);
    Splitter(pieces, line.substr(at, edge - at), is_marked).split();
    is_marked = !is_marked;
    at = edge + 2;
  }
  for (size_t i = 1; i < pieces.size(); ++i) join(pieces[i - 1], pieces[i]);
  for (auto& piece : pieces) piece.classes = classes_of(piece);
  return pieces;
}

uint64_t term_key(std::string_view text, bool continues, bool is_continued) {
  return finish(mix(kOffset + (continues ? 1 : 0) + (is_continued ? 2 : 0), text));
}

uint64_t pair_key(uint64_t term, std::string_view before) {
  return finish(mix(term + 4, before));
}

uint64_t after_key(std::string_view before) {
  return finish(mix(kOffset + 5, before));
}

uint64_t ending_key(std::string_view ending) {
  return finish(mix(kOffset + 6, ending));
}

}  // namespace saesweep::judge
