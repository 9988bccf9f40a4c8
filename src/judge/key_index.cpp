#include "judge/key_index.h"

#include <algorithm>
#include <cstring>

namespace saesweep::judge {

size_t KeyIndex::Hash::operator()(const CacheKey& key) const {
  size_t hash = 0;
  std::memcpy(&hash, key.data(), sizeof(hash));  // a key is a hash
  return hash;
}

void KeyIndex::add_file(uint32_t file, const std::vector<CacheKey>& keys) {
  for (const CacheKey& key : keys) older_.push_back({key, file});
  const auto is_before = [](const Entry& a, const Entry& b) { return a.key < b.key; };
  const auto is_same = [](const Entry& a, const Entry& b) { return a.key == b.key; };
  std::stable_sort(older_.begin(), older_.end(), is_before);
  older_.erase(std::unique(older_.begin(), older_.end(), is_same), older_.end());
}

void KeyIndex::add(uint32_t file, const CacheKey& key) {
  newer_.emplace(key, file);
}

std::optional<uint32_t> KeyIndex::find(const CacheKey& key) const {
  const auto is_before = [](const Entry& entry, const CacheKey& sought) { return entry.key < sought; };
  const auto older = std::lower_bound(older_.begin(), older_.end(), key, is_before);
  if (older != older_.end() && older->key == key) return older->file;
  const auto newer = newer_.find(key);
  return newer == newer_.end() ? std::nullopt : std::optional(newer->second);
}

}  // namespace saesweep::judge
