#include <algorithm>
#include <array>
#include <cctype>

#include "judge/lexical_rules.h"

namespace saesweep::judge {
namespace {

using Kind = Rule::Kind;

//! What an explanation that gives no counts is taken to say: of 20 marks and 400 other words.
constexpr Counts kTotal{20, 400};
constexpr Counts kQuoted{10, 8};
constexpr Counts kNamed{6, 30};
constexpr Counts kMentioned{2, 8};

struct ClassWord {
  std::string_view word;
  Class of_class;
};
constexpr ClassWord kClassWords[] = {
    {"number", kNumbers},        {"digit", kNumbers},         {"numeral", kNumbers},
    {"year", kNumbers},          {"capital", kCapitalized},   {"proper", kCapitalized},
    {"name", kCapitalized},      {"acronym", kUpperCase},     {"abbreviation", kUpperCase},
    {"punctuation", kSigns},     {"symbol", kSigns},          {"operator", kSigns},
    {"bracket", kBrackets},      {"parenthes", kBrackets},    {"brace", kBrackets},
    {"quotation", kQuotes},      {"apostrophe", kQuotes},     {"period", kSentenceEnds},
    {"comma", kCommas},          {"colon", kCommas},          {"newline", kLineBreaks},
    {"line break", kLineBreaks}, {"whitespace", kWhiteSpace}, {"white space", kWhiteSpace}};

constexpr std::string_view kStopWords[] = {
    "about",  "active",    "activates", "also",    "and",     "another",    "any",         "appear", "are",
    "before", "both",      "common",    "contain", "ending",  "especially", "explanation", "fires",  "following",
    "for",    "form",      "from",      "have",    "in",      "including",  "kind",        "like",   "mark",
    "marked", "marks",     "mostly",    "often",   "other",   "particular", "related",     "same",   "sentence",
    "such",   "text",      "that",      "the",     "their",   "these",      "they",        "this",   "token",
    "tokens", "typically", "used",      "usually", "various", "when",       "where",       "which",  "with",
    "word",   "words",     "within"};

char lower(char c) {
  return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = lower(c);
  return out;
}

//! With a capital and without: sentences begin with them.
void add_word(Rule& rule, std::string_view word) {
  std::string small = lower(word);
  std::string capital = small;
  capital[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(capital[0])));
  for (auto text : {std::string(word), small, capital}) {
    const Term term{.text = std::move(text)};
    if (std::find(rule.terms.begin(), rule.terms.end(), term) == rule.terms.end()) rule.terms.push_back(term);
  }
}

void add_ending(RuleList& list, std::string_view ending, Rule& quoted) {
  quoted.terms.push_back({.text = std::string(ending), .continues = true});
  if (ending.size() < kShortestEnding || ending.size() > kLongestEnding) return;
  list.rules.push_back({.kind = Kind::kEnding, .text = std::string(ending), .counts = kQuoted});
}

//! `before`: the prose that stands before the quote, in small letters.
void add_quote(RuleList& list, std::string_view quote, std::string_view before, Rule& quoted) {
  const bool is_ending = before.ends_with("ending in ") || before.ends_with("ending with ") ||
                         before.ends_with("ending ") || before.ends_with("suffix ");
  if (quote.size() > 1 && quote.front() == '-') return add_ending(list, quote.substr(1), quoted);
  if (is_ending) return add_ending(list, quote, quoted);
  for (const auto& piece : pieces_of(quote)) {
    if (piece.kind == Piece::Kind::kLetters) {
      add_word(quoted, piece.text);
    } else {
      quoted.terms.push_back({.text = std::string(piece.text)});
    }
  }
}

std::string_view next_quote(std::string_view text, size_t from) {
  const size_t start = text.find('"', from);
  if (start == std::string_view::npos) return {};
  const size_t end = text.find('"', start + 1);
  if (end == std::string_view::npos) return {};
  return text.substr(start + 1, end - start - 1);
}

Rule quoted_rule(RuleList& list, std::string_view text) {
  Rule rule{.kind = Kind::kTerms, .counts = kQuoted};
  const std::string small = lower(text);
  for (auto quote = next_quote(text, 0); !quote.empty();) {
    const auto start = static_cast<size_t>(quote.data() - text.data());
    add_quote(list, quote, std::string_view(small).substr(0, start - 1), rule);
    quote = next_quote(text, start + quote.size() + 1);
  }
  return rule;
}

void add_classes(RuleList& list, std::string_view text) {
  const std::string small = lower(text);
  std::array<bool, kNumberOfClasses> is_named{};
  for (const auto& [word, of_class] : kClassWords) {
    if (small.find(word) == std::string::npos || is_named[of_class]) continue;
    is_named[of_class] = true;
    list.rules.push_back({.kind = Kind::kClass, .of_class = of_class, .counts = kNamed});
  }
}

Rule mentioned_rule(std::string_view text) {
  Rule rule{.kind = Kind::kTerms, .counts = kMentioned};
  for (const auto& piece : pieces_of(text)) {
    const std::string small = lower(piece.text);
    const bool is_stop_word = std::find(std::begin(kStopWords), std::end(kStopWords), small) != std::end(kStopWords);
    if (piece.kind == Piece::Kind::kLetters && piece.text.size() > 2 && !is_stop_word) add_word(rule, piece.text);
  }
  return rule;
}

}  // namespace

RuleList rules_of_prose(std::string_view text) {
  RuleList list{.total = kTotal};
  Rule quoted = quoted_rule(list, text);
  if (!quoted.terms.empty()) list.rules.insert(list.rules.begin(), std::move(quoted));
  add_classes(list, text);
  Rule mentioned = mentioned_rule(text);
  if (!mentioned.terms.empty()) list.rules.push_back(std::move(mentioned));
  list.rest = kTotal;
  for (const auto& rule : list.rules) {
    list.rest.marked = std::max(list.rest.marked - rule.counts.marked, 4.0);
    list.rest.other = std::max(list.rest.other - rule.counts.other, 100.0);
  }
  return list;
}

}  // namespace saesweep::judge
