#include "judge/lexical_scorer.h"

#include <algorithm>
#include <cmath>

namespace saesweep::judge {
namespace {

//! Marks that a rule is credited less than it was chosen for.
double discount_of(Rule::Kind kind) {
  switch (kind) {
    case Rule::Kind::kRareTerms:
      return 0;
    case Rule::Kind::kTerms:
      return 0.75;
    case Rule::Kind::kClass:
      return 0.5;
    default:
      return 1;
  }
}

//! Marks that are added as if drawn from all other text.
constexpr double kPriorMarks = 3;
constexpr double kPriorOthers = 0.5;
//! A word that could be cut so that the part shows is mostly cut otherwise.
constexpr double kShareOfCuts = 0.2;
//! Marks of one example resemble each other: n of them tell as much as n^(1 - this).
constexpr double kLikeness = 0.3;
//! Wrongly marked examples that are firing texts, whose true marks stand bare.
constexpr double kShareOfFiring = 0.35;

double log_ratio_of(const Counts& counts, const Counts& total, double discount) {
  const double others = (counts.other + kPriorOthers) / (total.other + 2 * kPriorOthers);
  const double marks = (std::max(counts.marked - discount, 0.0) + kPriorMarks * others) / (total.marked + kPriorMarks);
  return std::log(marks / others);
}

bool speaks_of_parts(const Rule& rule) {
  return std::any_of(rule.terms.begin(), rule.terms.end(), [](const Term& term) { return term.is_part(); });
}

const Piece* before(const std::vector<Piece>& pieces, size_t i) {
  return i == 0 ? nullptr : &pieces[i - 1];
}

constexpr double kLeast = 0.005;

double probability(double odds) {
  return std::clamp(odds / (1 + odds), kLeast, 1 - kLeast);
}

}  // namespace

LexicalScorer::LexicalScorer(const RuleList& list) : index_(list.rules) {
  for (const auto& rule : list.rules) {
    const double discount = discount_of(rule.kind);
    open_.push_back(log_ratio_of(rule.counts, list.total, discount));
    Counts cut = rule.counts;
    if (speaks_of_parts(rule)) cut.other *= kShareOfCuts;
    marked_.push_back(log_ratio_of(cut, list.total, discount));
  }
  open_.push_back(log_ratio_of(list.rest, list.total, 0));
  marked_.push_back(open_.back());
  density_ = (list.total.marked + 1) / (list.total.marked + list.total.other + 2);
}

double LexicalScorer::log_ratio(const Piece& piece, const Piece* before) const {
  const uint32_t rule = index_.rule_of(piece, before);
  return piece.is_marked ? marked_[rule] : open_[rule];
}

//! P(text | it fires) / P(text | it is silent), of a text's pieces without marks.
double LexicalScorer::firing_ratio(const std::vector<Piece>& pieces) const {
  double any = 1;
  double none = 1;
  for (size_t i = 0; i < pieces.size(); ++i) {
    if (pieces[i].is_marked) continue;
    any *= 1 - density_ + density_ * std::exp(log_ratio(pieces[i], before(pieces, i)));
    none *= 1 - density_;
  }
  return none < 1 ? (any - none) / (1 - none) : 1;
}

double LexicalScorer::marks_are_right(std::string_view example) const {
  const auto pieces = pieces_of(example);
  double sum = 0;
  double n = 0;
  for (size_t i = 0; i < pieces.size(); ++i) {
    if (!pieces[i].is_marked) continue;
    sum += log_ratio(pieces[i], before(pieces, i));
    ++n;
  }
  if (n == 0) return 0.5;
  const double marks = std::exp(sum * std::pow(n, -kLikeness));
  return probability(marks / (1 - kShareOfFiring + kShareOfFiring * firing_ratio(pieces)));
}

double LexicalScorer::fires_in(std::string_view text) const {
  return probability(firing_ratio(pieces_of(text)));
}

double LexicalScorer::mark_probability(const Piece& piece, const Piece* before) const {
  const double marked = density_ * std::exp(log_ratio(piece, before));
  return marked / (1 - density_ + marked);
}

std::vector<double> LexicalScorer::activations(std::span<const std::string_view> tokens) const {
  // Mean activation of a token that fires.
  constexpr double kMeanStrength = 6;
  std::vector<double> expected;
  Piece last;
  bool has_last = false;
  for (const auto token : tokens) {
    auto pieces = pieces_of(token);
    double most = 0;
    for (auto& piece : pieces) {
      // A token's edges are known, like those of a mark.
      piece.is_marked = true;
      const bool is_joined = has_last && last.kind == piece.kind && !piece.has_blank;
      if (is_joined && piece.kind == Piece::Kind::kLetters) piece.continues = true;
      most = std::max(most, mark_probability(piece, has_last ? &last : nullptr));
      last = piece;
      has_last = true;
    }
    expected.push_back(kMeanStrength * most);
  }
  return expected;
}

}  // namespace saesweep::judge
