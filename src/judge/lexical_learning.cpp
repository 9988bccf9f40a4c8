#include "judge/lexical_learning.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "judge/lexical_index.h"
#include "judge/lexical_pieces.h"

namespace saesweep::judge {
namespace {

using Kind = Rule::Kind;

constexpr size_t kMostRules = 24;
constexpr size_t kMostRareTerms = 24;
constexpr size_t kLongestQuote = 40;

struct Instance {
  Piece piece;
  const Piece* before = nullptr;
  uint32_t example = 0;
  //! Its features: [first, last) of Features' ids.
  uint32_t first = 0;
  uint32_t last = 0;
  bool is_covered = false;
};

//! Something that a piece can have, and what a rule about it would say.
struct Feature {
  Kind kind = Kind::kClass;
  //! A piece that has it; of an ending, its letters.
  uint32_t instance = 0;
  uint32_t ending_length = 0;
  Class of_class = kNumbers;
  //! Among pieces that no rule covers.
  uint32_t n_marked = 0;
  uint32_t n_other = 0;
  //! Examples in which it is marked.
  uint32_t n_examples = 0;
  uint32_t last_example = 0xffffffffU;
};

//! What a rule of a kind must bring: log likelihood ratio against chance, and what it stands back behind simpler ones.
struct Demand {
  double evidence;
  double cost;
};

Demand demand_of(Kind kind) {
  switch (kind) {
    case Kind::kTermAfter:
      return {6, 0.3};
    case Kind::kAfter:
      return {6, 0.2};
    case Kind::kEnding:
      return {5, 0.1};
    case Kind::kClass:
      return {4, 0.05};
    default:
      return {3.2, 0};
  }
}

class Learner {
 public:
  explicit Learner(std::span<const std::string_view> examples) {
    read(examples);
    find_features();
    count_features();
  }

  RuleList learn(size_t max_bytes) {
    RuleList list;
    list.total = {static_cast<double>(n_marked_), static_cast<double>(n_other_)};
    const Counts rare = pick_rules(list);
    trim(list, max_bytes);
    count(list, rare);
    return list;
  }

 private:
  void read(std::span<const std::string_view> examples);
  void find_features();
  void count_features();
  template <class Visit>
  void for_each_key(const Instance& instance, Visit visit) const;
  const Feature* best_feature() const;
  double worth(const Feature& feature) const;
  Rule rule_of(const Feature& feature) const;
  Term term_of(const Feature& feature) const;
  void cover(const Feature& feature);
  Counts pick_rules(RuleList& list);
  Counts pick_rare_terms(RuleList& list);
  static void trim(RuleList& list, size_t max_bytes);
  void count(RuleList& list, const Counts& rare) const;

  std::vector<std::vector<Piece>> pieces_;
  std::vector<Instance> instances_;
  std::vector<Feature> features_;
  std::vector<uint32_t> ids_;
  //! Of pieces that no rule covers.
  uint32_t n_marked_left_ = 0;
  uint32_t n_other_left_ = 0;
  uint32_t n_marked_ = 0;
  uint32_t n_other_ = 0;
};

void Learner::read(std::span<const std::string_view> examples) {
  for (const auto example : examples) pieces_.push_back(pieces_of(example));
  for (uint32_t e = 0; e < pieces_.size(); ++e) {
    const Piece* before = nullptr;
    for (const auto& piece : pieces_[e]) {
      instances_.push_back({.piece = piece, .before = before, .example = e});
      (piece.is_marked ? n_marked_ : n_other_) += 1;
      before = &piece;
    }
  }
  n_marked_left_ = n_marked_;
  n_other_left_ = n_other_;
}

template <class Visit>
void Learner::for_each_key(const Instance& instance, Visit visit) const {
  const auto& piece = instance.piece;
  const uint64_t term = term_key(piece.text, piece.continues, piece.is_continued);
  visit(term, Kind::kTerms, 0);
  if (instance.before != nullptr) {
    visit(pair_key(term, instance.before->text), Kind::kTermAfter, 0);
    visit(after_key(instance.before->text), Kind::kAfter, 0);
  }
  for_each_ending(piece, [&](std::string_view ending) {
    visit(ending_key(ending), Kind::kEnding, static_cast<uint32_t>(ending.size()));
  });
}

void Learner::find_features() {
  for (uint32_t c = 0; c < kNumberOfClasses; ++c) features_.push_back({.of_class = static_cast<Class>(c)});
  KeyTable table(6 * size_t{n_marked_});
  bool has_parts = false;
  for (uint32_t i = 0; i < instances_.size(); ++i) {
    if (!instances_[i].piece.is_marked) continue;
    has_parts |= instances_[i].piece.continues || instances_[i].piece.is_continued;
    for_each_key(instances_[i], [&](uint64_t key, Kind kind, uint32_t length) {
      const auto id = static_cast<uint32_t>(features_.size());
      if (table.insert(key, id) == id) features_.push_back({kind, i, length});
    });
  }
  ids_.reserve(instances_.size() * 8);
  for (auto& instance : instances_) {
    instance.first = static_cast<uint32_t>(ids_.size());
    const auto look_up = [&](uint64_t key) {
      if (const auto id = table.find(key)) ids_.push_back(*id);
    };
    for_each_key(instance, [&](uint64_t key, Kind, uint32_t) { look_up(key); });
    for (uint32_t bits = instance.piece.classes; bits != 0; bits &= bits - 1) {
      ids_.push_back(static_cast<uint32_t>(std::countr_zero(bits)));
    }
    if (has_parts && !instance.piece.is_marked) for_each_part(instance.piece, look_up);
    instance.last = static_cast<uint32_t>(ids_.size());
  }
}

void Learner::count_features() {
  for (const auto& instance : instances_) {
    for (uint32_t at = instance.first; at < instance.last; ++at) {
      auto& feature = features_[ids_[at]];
      if (!instance.piece.is_marked) {
        ++feature.n_other;
        continue;
      }
      ++feature.n_marked;
      feature.n_examples += feature.last_example != instance.example;
      feature.last_example = instance.example;
    }
  }
}

//! A lower bound of the logarithm of how much more often it stands among the marked pieces than among the others, less
//! the kind's cost; negative where chance may have brought it.
double Learner::worth(const Feature& feature) const {
  // Text repeats itself: what one example brings counts little more than once.
  const double n = std::min<double>(feature.n_marked, 1.5 * feature.n_examples);
  if (feature.n_examples < 2 || feature.n_marked < 2) return -1;
  const double others = feature.n_other;
  const double marked_left = n_marked_left_;
  const double other_left = n_other_left_ + 1.0;
  const double expected = (n + others) * marked_left / (marked_left + other_left);
  const Demand demand = demand_of(feature.kind);
  if (n <= expected || n * std::log(n / expected) - (n - expected) < demand.evidence) return -1;
  return std::log(n / marked_left * other_left / (others + 1)) - std::sqrt(1 / n + 1 / (others + 1)) - demand.cost;
}

const Feature* Learner::best_feature() const {
  const Feature* best = nullptr;
  double most = 0;
  for (const auto& feature : features_) {
    if (feature.n_marked < 2 || feature.n_examples < 2) continue;
    if (instances_[feature.instance].piece.text.size() > kLongestQuote) continue;
    const double here = worth(feature);
    if (here <= most) continue;
    most = here;
    best = &feature;
  }
  return best;
}

Term Learner::term_of(const Feature& feature) const {
  const auto& piece = instances_[feature.instance].piece;
  return {std::string(piece.text), piece.continues, piece.is_continued};
}

Rule Learner::rule_of(const Feature& feature) const {
  Rule rule{.kind = feature.kind, .of_class = feature.of_class};
  rule.counts = {static_cast<double>(feature.n_marked), static_cast<double>(feature.n_other)};
  const auto& instance = instances_[feature.instance];
  if (rule.kind == Kind::kTerms || rule.kind == Kind::kTermAfter) rule.terms = {term_of(feature)};
  if (rule.kind == Kind::kTermAfter || rule.kind == Kind::kAfter) rule.text = instance.before->text;
  if (rule.kind == Kind::kEnding) {
    rule.text = instance.piece.text.substr(instance.piece.text.size() - feature.ending_length);
  }
  return rule;
}

void Learner::cover(const Feature& feature) {
  const auto id = static_cast<uint32_t>(&feature - features_.data());
  for (auto& instance : instances_) {
    const auto* first = ids_.data() + instance.first;
    const auto* last = ids_.data() + instance.last;
    if (instance.is_covered || std::find(first, last, id) == last) continue;
    instance.is_covered = true;
    const bool is_marked = instance.piece.is_marked;
    (is_marked ? n_marked_left_ : n_other_left_) -= 1;
    for (; first < last; ++first) {
      auto& other = features_[*first];
      (is_marked ? other.n_marked : other.n_other) -= 1;
      other.n_examples = std::min(other.n_examples, other.n_marked);
    }
  }
}

Counts Learner::pick_rules(RuleList& list) {
  const Counts rare = pick_rare_terms(list);
  auto rare_terms = std::move(list.rules);
  list.rules.clear();
  while (list.rules.size() < kMostRules) {
    const Feature* best = best_feature();
    if (best == nullptr) break;
    list.rules.push_back(rule_of(*best));
    cover(*best);
  }
  if (!rare_terms.empty()) list.rules.push_back(std::move(rare_terms[0]));
  return rare;
}

//! Types seen in one example only: together they are worth 2 * (types seen in two) marks (Good 1953).
Counts Learner::pick_rare_terms(RuleList& list) {
  Rule rule{.kind = Kind::kRareTerms};
  double n_once = 0;
  double n_twice = 0;
  for (const auto& feature : features_) {
    if (feature.kind != Kind::kTerms) continue;
    n_twice += feature.n_examples == 2;
    n_once += feature.n_examples == 1;
    const bool is_short = instances_[feature.instance].piece.text.size() <= kLongestQuote;
    if (feature.n_examples > 1 || feature.n_other > 0 || !is_short || rule.terms.size() == kMostRareTerms) continue;
    rule.terms.push_back(term_of(feature));
  }
  const auto n_listed = static_cast<double>(rule.terms.size());
  const Counts rare{n_once > 0 ? (2 * n_twice + 0.5) * n_listed / n_once : 0, 0.5 * n_listed};
  const double ratio = rare.marked / n_marked_ / std::max(rare.other, 0.5) * n_other_;
  if (ratio > 3) list.rules.push_back(std::move(rule));
  return rare;
}

//! Drops the rules that say least until the explanation is short enough.
void Learner::trim(RuleList& list, size_t max_bytes) {
  constexpr size_t kRoomForCounts = 60;
  while (!list.rules.empty() && text_of(list).size() + kRoomForCounts > max_bytes) {
    auto& last = list.rules.back();
    if (last.kind == Kind::kRareTerms && last.terms.size() > 1) {
      last.terms.pop_back();
      continue;
    }
    const auto least = std::min_element(list.rules.begin(), list.rules.end(),
                                        [](const Rule& a, const Rule& b) { return a.counts.marked < b.counts.marked; });
    list.rules.erase(least);
  }
}

//! Counts what each rule decides on, as whoever reads the explanation will.
void Learner::count(RuleList& list, const Counts& rare) const {
  const RuleIndex index(list.rules);
  std::vector<Counts> counts(list.rules.size() + 1);
  for (const auto& instance : instances_) {
    auto& cell = counts[index.rule_of(instance.piece, instance.before)];
    (instance.piece.is_marked ? cell.marked : cell.other) += 1;
  }
  list.rest = counts.back();
  for (size_t i = 0; i < list.rules.size(); ++i) {
    list.rules[i].counts = counts[i];
    if (list.rules[i].kind != Kind::kRareTerms) continue;
    // What else would have been marked once is no longer among the rest.
    const double expected = std::min(rare.marked, counts[i].marked);
    list.rest.marked += counts[i].marked - expected;
    list.rules[i].counts = {expected, rare.other};
  }
}

}  // namespace

RuleList learn_rules(std::span<const std::string_view> examples, size_t max_bytes) {
  return Learner(examples).learn(max_bytes);
}

}  // namespace saesweep::judge
