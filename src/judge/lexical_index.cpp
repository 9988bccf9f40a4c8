#include "judge/lexical_index.h"

#include <algorithm>
#include <bit>

namespace saesweep::judge {
namespace {

constexpr uint32_t kEmpty = 0xffffffffU;

size_t n_keys_of(const std::vector<Rule>& rules) {
  size_t n = 0;
  for (const auto& rule : rules) n += rule.terms.size() + 1;
  return n;
}

}  // namespace

KeyTable::KeyTable(size_t n_keys)
    : slots_(std::bit_ceil(2 * n_keys + 2), {uint64_t{0}, kEmpty}), mask_(slots_.size() - 1) {}

size_t KeyTable::slot_of(uint64_t key) const {
  size_t at = key & mask_;
  while (slots_[at].second != kEmpty && slots_[at].first != key) at = (at + 1) & mask_;
  return at;
}

uint32_t KeyTable::insert(uint64_t key, uint32_t value) {
  auto& slot = slots_[slot_of(key)];
  if (slot.second == kEmpty) slot = {key, value};
  return slot.second;
}

std::optional<uint32_t> KeyTable::find(uint64_t key) const {
  const auto& slot = slots_[slot_of(key)];
  return slot.second == kEmpty ? std::nullopt : std::optional(slot.second);
}

RuleIndex::RuleIndex(const std::vector<Rule>& rules)
    : table_(n_keys_of(rules)), n_rules_(static_cast<uint32_t>(rules.size())) {
  classes_.fill(n_rules_);
  for (uint32_t i = 0; i < n_rules_; ++i) add(rules[i], i);
}

void RuleIndex::add(const Rule& rule, uint32_t number) {
  switch (rule.kind) {
    case Rule::Kind::kTerms:
    case Rule::Kind::kRareTerms:
      for (const auto& term : rule.terms) {
        table_.insert(term.key(), number);
        has_parts_ |= term.is_part();
      }
      return;
    case Rule::Kind::kTermAfter:
      table_.insert(pair_key(rule.terms[0].key(), rule.text), number);
      return;
    case Rule::Kind::kAfter:
      table_.insert(after_key(rule.text), number);
      return;
    case Rule::Kind::kEnding:
      table_.insert(ending_key(rule.text), number);
      return;
    case Rule::Kind::kClass:
      classes_[rule.of_class] = std::min(classes_[rule.of_class], number);
  }
}

uint32_t RuleIndex::rule_of(const Piece& piece, const Piece* before) const {
  uint32_t first = n_rules_;
  const auto look_up = [&](uint64_t key) { first = std::min(first, table_.find(key).value_or(first)); };
  const uint64_t term = term_key(piece.text, piece.continues, piece.is_continued);
  look_up(term);
  if (before != nullptr) {
    look_up(pair_key(term, before->text));
    look_up(after_key(before->text));
  }
  for_each_ending(piece, [&](std::string_view ending) { look_up(ending_key(ending)); });
  for (uint32_t bits = piece.classes; bits != 0; bits &= bits - 1) {
    first = std::min(first, classes_[static_cast<size_t>(std::countr_zero(bits))]);
  }
  if (has_parts_ && !piece.is_marked) for_each_part(piece, look_up);
  return first;
}

}  // namespace saesweep::judge
