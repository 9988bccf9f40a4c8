#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "judge/lexical_pieces.h"

namespace saesweep::judge {

//! A piece as an explanation quotes it: "word", or parts of one: "start-", "-end", "-middle-".
struct Term {
  std::string text = {};
  bool continues = false;
  bool is_continued = false;

  bool is_part() const { return continues || is_continued; }
  uint64_t key() const { return term_key(text, continues, is_continued); }
  bool operator==(const Term&) const = default;
};

//! How often something was marked and how often not. Halves may come from estimates.
struct Counts {
  double marked = 0;
  double other = 0;

  bool operator==(const Counts&) const = default;
};

//! A line of an explanation: which pieces it speaks of.
struct Rule {
  enum class Kind : uint8_t {
    //! One of terms.
    kTerms,
    //! Terms that were marked once each.
    kRareTerms,
    //! The one term, after the piece `text`.
    kTermAfter,
    //! Anything after the piece `text`.
    kAfter,
    //! Words that end in `text`.
    kEnding,
    //! A class.
    kClass
  };
  Kind kind = Kind::kTerms;
  std::vector<Term> terms = {};
  std::string text = {};
  Class of_class = kNumbers;
  Counts counts = {};

  bool operator==(const Rule&) const = default;
};

//! An explanation: the first rule that speaks of a piece decides; counts are of the pieces that it decides on.
struct RuleList {
  std::vector<Rule> rules = {};
  //! Of pieces that no rule speaks of, and of all.
  Counts rest = {};
  Counts total = {};

  bool operator==(const RuleList&) const = default;
};

//! The explanation in English, such as: Marks "foo" (33 of 53 marks, 12 of 1210 other words), numbers (5, 40);
//! anything else (15, 1158).
std::string text_of(const RuleList& list);

//! Reads what text_of wrote; nothing where the text is no such explanation.
std::optional<RuleList> parse_rules(std::string_view text);

//! What an explanation by someone else says in words that can be found in a text: quoted ones, endings, names of
//! classes, and its own words.
RuleList rules_of_prose(std::string_view text);

}  // namespace saesweep::judge
