#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "judge/lexical_pieces.h"
#include "judge/lexical_rules.h"

namespace saesweep::judge {

//! A table from keys to small numbers, by open addressing. A key's first number stays.
class KeyTable {
 public:
  //! For at most n_keys keys.
  explicit KeyTable(size_t n_keys);

  //! The key's number: value where it is new.
  uint32_t insert(uint64_t key, uint32_t value);
  std::optional<uint32_t> find(uint64_t key) const;

 private:
  size_t slot_of(uint64_t key) const;

  std::vector<std::pair<uint64_t, uint32_t>> slots_;
  size_t mask_ = 0;
};

//! Finds the rule that decides on a piece.
class RuleIndex {
 public:
  explicit RuleIndex(const std::vector<Rule>& rules);

  //! Number of the first rule that speaks of the piece; the number of rules where none does. before: the piece
  //! before it, or null. A whole word of a text without marks also belongs to rules on its parts.
  uint32_t rule_of(const Piece& piece, const Piece* before) const;
  uint32_t n_rules() const { return n_rules_; }

 private:
  void add(const Rule& rule, uint32_t number);

  KeyTable table_;
  std::array<uint32_t, kNumberOfClasses> classes_{};
  uint32_t n_rules_;
  bool has_parts_ = false;
};

}  // namespace saesweep::judge
