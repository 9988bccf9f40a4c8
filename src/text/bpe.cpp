#include "text/bpe.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <limits>
#include <utility>

namespace saesweep::text {

namespace {

constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();
constexpr uint64_t kEmpty = std::numeric_limits<uint64_t>::max();

//! Up to here a scan for the lowest rank beats the heap.
constexpr size_t kShortWord = 48;

uint64_t pair_of(uint32_t left, uint32_t right) {
  return (static_cast<uint64_t>(left) << 32) | right;
}

}  // namespace

Bpe::Bpe(const std::array<std::optional<uint32_t>, 256>& byte_ids, std::optional<uint32_t> unknown,
         const std::vector<Merge>& merges) {
  for (size_t byte = 0; byte < byte_ids.size(); ++byte)
    byte_ids_[byte] = byte_ids[byte].value_or(unknown.value_or(kNone));
  const size_t n_slots = std::bit_ceil(2 * merges.size() + 2);
  shift_ = 64 - std::countr_zero(n_slots);
  slots_.assign(n_slots, {kEmpty, kNone, kNone});
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    const uint64_t pair = pair_of(merges[rank].left, merges[rank].right);
    slot_of(pair) = {pair, static_cast<uint32_t>(rank), merges[rank].merged};
  }
}

const Bpe::Slot& Bpe::slot_of(uint64_t pair) const {
  size_t place = (pair * 0x9E3779B97F4A7C15ULL) >> shift_;
  while (slots_[place].pair != pair && slots_[place].pair != kEmpty) place = (place + 1) & (slots_.size() - 1);
  return slots_[place];
}

Bpe::Slot& Bpe::slot_of(uint64_t pair) {
  return const_cast<Slot&>(std::as_const(*this).slot_of(pair));
}

uint32_t Bpe::rank_of(uint32_t left, uint32_t right) const {
  return slot_of(pair_of(left, right)).rank;
}

void Bpe::start(std::string_view word, std::vector<uint32_t>& ids) const {
  ids.clear();
  for (const char byte : word) {
    const uint32_t id = byte_ids_[static_cast<uint8_t>(byte)];
    if (id != kNone) ids.push_back(id);
  }
}

void Bpe::merge_short(BpeScratch& scratch) const {
  auto& ids = scratch.ids;
  auto& ranks = scratch.ranks;
  ranks.clear();
  for (size_t i = 0; i + 1 < ids.size(); ++i) ranks.push_back(rank_of(ids[i], ids[i + 1]));
  while (!ranks.empty()) {
    const auto lowest = std::min_element(ranks.begin(), ranks.end());
    if (*lowest == kNone) return;
    const auto at = lowest - ranks.begin();
    ids[at] = slot_of(pair_of(ids[at], ids[at + 1])).merged;
    ids.erase(ids.begin() + at + 1);
    ranks.erase(lowest);
    if (at > 0) ranks[at - 1] = rank_of(ids[at - 1], ids[at]);
    if (static_cast<size_t>(at) + 1 < ids.size()) ranks[at] = rank_of(ids[at], ids[at + 1]);
  }
}

//! Puts the pair that opens at symbol `left` on the heap, by rank, then by place.
void Bpe::push_pair(BpeScratch& scratch, uint32_t left) const {
  const auto& symbol = scratch.symbols[left];
  if (symbol.next == kNone) return;
  const uint32_t rank = rank_of(symbol.id, scratch.symbols[symbol.next].id);
  if (rank == kNone) return;
  scratch.heap.push_back(pair_of(rank, left));
  std::push_heap(scratch.heap.begin(), scratch.heap.end(), std::greater<>());
}

void Bpe::merge_long(BpeScratch& scratch) const {
  auto& symbols = scratch.symbols;
  const auto n = static_cast<uint32_t>(scratch.ids.size());
  symbols.clear();
  scratch.heap.clear();
  for (uint32_t i = 0; i < n; ++i)
    symbols.push_back({scratch.ids[i], i == 0 ? kNone : i - 1, i + 1 < n ? i + 1 : kNone});
  for (uint32_t i = 0; i < n; ++i) push_pair(scratch, i);
  while (!scratch.heap.empty()) {
    std::pop_heap(scratch.heap.begin(), scratch.heap.end(), std::greater<>());
    const uint64_t top = scratch.heap.back();
    scratch.heap.pop_back();
    const auto left = static_cast<uint32_t>(top);
    const uint32_t right = symbols[left].id == kNone ? kNone : symbols[left].next;
    if (right == kNone) continue;
    const Slot& slot = slot_of(pair_of(symbols[left].id, symbols[right].id));
    // A pair whose parts were merged otherwise since it was pushed.
    if (slot.rank != static_cast<uint32_t>(top >> 32)) continue;
    symbols[left] = {slot.merged, symbols[left].previous, symbols[right].next};
    symbols[right].id = kNone;
    if (symbols[left].next != kNone) symbols[symbols[left].next].previous = left;
    if (symbols[left].previous != kNone) push_pair(scratch, symbols[left].previous);
    push_pair(scratch, left);
  }
  std::erase_if(symbols, [](const auto& symbol) { return symbol.id == kNone; });
  scratch.ids.clear();
  for (const auto& symbol : symbols) scratch.ids.push_back(symbol.id);
}

void Bpe::encode(std::string_view word, BpeScratch& scratch, std::vector<uint32_t>& out) const {
  const auto known = scratch.cache.find(word);
  if (!known.empty()) {
    out.insert(out.end(), known.begin(), known.end());
    return;
  }
  start(word, scratch.ids);
  if (scratch.ids.size() <= kShortWord) {
    merge_short(scratch);
  } else {
    merge_long(scratch);
  }
  out.insert(out.end(), scratch.ids.begin(), scratch.ids.end());
  scratch.cache.put(word, scratch.ids);
}

}  // namespace saesweep::text
