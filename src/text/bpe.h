#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "text/word_cache.h"

namespace saesweep::text {

//! Two neighbouring tokens that become one.
struct Merge {
  uint32_t left = 0;
  uint32_t right = 0;
  uint32_t merged = 0;
};

//! Working room of Bpe; each thread needs its own.
struct BpeScratch {
  struct Symbol {
    uint32_t id;
    uint32_t previous;
    uint32_t next;
  };
  WordCache cache;
  std::vector<uint32_t> ids;
  std::vector<uint32_t> ranks;
  std::vector<Symbol> symbols;
  std::vector<uint64_t> heap;
};

//! Byte-pair encoding of one word: from its bytes, the pair with the lowest rank (then the leftmost) is merged until
//! no pair is left. Time n log n in the length of the word. Source: Sennrich et al. 2016 (arXiv:1508.07909), on bytes
//! as in GPT-2. Thread-safe.
class Bpe {
 public:
  //! byte_ids: the token of each byte; a byte without one gets the unknown token, or is dropped where there is
  //! none (as Hugging Face does). merges: in order of rank.
  Bpe(const std::array<std::optional<uint32_t>, 256>& byte_ids, std::optional<uint32_t> unknown,
      const std::vector<Merge>& merges);

  //! Appends the tokens of a word to out.
  void encode(std::string_view word, BpeScratch& scratch, std::vector<uint32_t>& out) const;

 private:
  struct Slot {
    uint64_t pair;
    uint32_t rank;
    uint32_t merged;
  };
  Slot& slot_of(uint64_t pair);
  const Slot& slot_of(uint64_t pair) const;
  uint32_t rank_of(uint32_t left, uint32_t right) const;
  void start(std::string_view word, std::vector<uint32_t>& ids) const;
  void merge_short(BpeScratch& scratch) const;
  void merge_long(BpeScratch& scratch) const;
  void push_pair(BpeScratch& scratch, uint32_t left) const;

  std::array<uint32_t, 256> byte_ids_;
  //! Open addressing: a power of two, at most half full.
  std::vector<Slot> slots_;
  int shift_ = 0;
};

}  // namespace saesweep::text
