#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "judge/lexical_index.h"
#include "judge/lexical_pieces.h"
#include "judge/lexical_rules.h"

namespace saesweep::judge {

//! Answers by an explanation's counts. The model behind it: a piece of a firing text is marked with the probability
//! that a piece of the explanation's examples was; marked and other pieces are draws from the two distributions whose
//! counts the explanation gives, drawn towards each other where the counts are small.
class LexicalScorer {
 public:
  explicit LexicalScorer(const RuleList& rules);

  //! The probability that the marks of an example are right; as many examples are right as are wrong.
  double marks_are_right(std::string_view example) const;
  //! The probability that a text fires anywhere; as many do as do not.
  double fires_in(std::string_view text) const;
  //! The expected activation, 0 to 10, of each token of a firing text.
  std::vector<double> activations(std::span<const std::string_view> tokens) const;

 private:
  double log_ratio(const Piece& piece, const Piece* before) const;
  double firing_ratio(const std::vector<Piece>& pieces) const;
  double mark_probability(const Piece& piece, const Piece* before) const;

  RuleIndex index_;
  //! Of each rule, then of the rest: log of how much likelier it is among marked pieces. For pieces of texts without
  //! marks, and for marked ones, whose edges are known.
  std::vector<double> open_;
  std::vector<double> marked_;
  //! Share of pieces that are marked in firing texts.
  double density_ = 0;
};

}  // namespace saesweep::judge
