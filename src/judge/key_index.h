#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "judge/reply_cache.h"

namespace saesweep::judge {

//! Which file holds the reply to a key: 20 bytes a key of those that were there at the start.
class KeyIndex {
 public:
  //! At the start, before the first find(): keys in any order. The first file that has a key keeps it.
  void add_file(uint32_t file, const std::vector<CacheKey>& keys);
  void add(uint32_t file, const CacheKey& key);
  std::optional<uint32_t> find(const CacheKey& key) const;
  size_t n_older() const { return older_.size(); }

 private:
  struct Entry {
    CacheKey key;
    uint32_t file;
  };
  struct Hash {
    size_t operator()(const CacheKey& key) const;
  };
  std::vector<Entry> older_;
  std::unordered_map<CacheKey, uint32_t, Hash> newer_;
};

}  // namespace saesweep::judge
