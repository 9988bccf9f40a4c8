#pragma once

#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

namespace saesweep::text {

//! The tokens of short words met before: 65,536 places of 64 bytes; a word drives out the one in its place.
class WordCache {
 public:
  WordCache() : entries_(kEntries) {}

  //! The tokens of a word, none where it is not here. Valid until the next put.
  std::span<const uint32_t> find(std::string_view word) const {
    if (word.size() > kMaxBytes) return {};
    const Entry& entry = entries_[place(word)];
    if (entry.n_bytes != word.size() || std::memcmp(entry.bytes, word.data(), word.size()) != 0) return {};
    return {entry.ids, entry.n_ids};
  }

  //! Remembers a word that is short enough.
  void put(std::string_view word, std::span<const uint32_t> ids) {
    if (word.empty() || word.size() > kMaxBytes || ids.size() > kMaxIds) return;
    Entry& entry = entries_[place(word)];
    entry.n_bytes = static_cast<uint8_t>(word.size());
    entry.n_ids = static_cast<uint8_t>(ids.size());
    std::memcpy(entry.bytes, word.data(), word.size());
    std::memcpy(entry.ids, ids.data(), ids.size_bytes());
  }

 private:
  static constexpr size_t kEntries = 1 << 16;
  static constexpr size_t kMaxBytes = 26;
  static constexpr size_t kMaxIds = 9;

  struct Entry {
    uint8_t n_bytes = 0;
    uint8_t n_ids = 0;
    char bytes[kMaxBytes];
    uint32_t ids[kMaxIds];
  };

  static size_t place(std::string_view word) { return std::hash<std::string_view>()(word) & (kEntries - 1); }

  std::vector<Entry> entries_;
};

}  // namespace saesweep::text
