#include "evaluate/harvest_text.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace saesweep::evaluate {

uint64_t hash_of_ids(const int64_t* ids, int64_t n) {
  // FNV-1a over the ids, then murmur3's finalizer; two of a million windows collide with probability 3e-8.
  uint64_t hash = 0xcbf29ce484222325;
  for (int64_t i = 0; i < n; ++i) {
    hash ^= static_cast<uint64_t>(ids[i]);
    hash *= 0x100000001b3;
    hash ^= hash >> 29;
  }
  hash ^= hash >> 33;
  hash *= 0xff51afd7ed558ccd;
  return hash ^ (hash >> 33);
}

HarvestText::HarvestText(const text::TokenRows& rows, std::vector<int64_t> sample, int64_t window_tokens,
                         std::vector<uint32_t> special_ids)
    : rows_(&rows), sample_(std::move(sample)), window_tokens_(window_tokens), special_ids_(std::move(special_ids)) {
  std::unordered_set<uint64_t> seen;
  counts_.reserve(sample_.size() * static_cast<size_t>(windows_per_row()));
  for (int64_t place = 0; place < static_cast<int64_t>(sample_.size()); ++place) {
    places_.emplace(sample_[static_cast<size_t>(place)], place);
    const std::vector<int64_t> ids = row_ids(place);
    for (auto first = ids.begin(); first + window_tokens_ <= ids.end(); first += window_tokens_) {
      const bool is_plain = std::none_of(first, first + window_tokens_, [this](int64_t id) { return is_special(id); });
      counts_.push_back(is_plain && seen.insert(hash_of_ids(&*first, window_tokens_)).second);
      n_counted_ += counts_.back() ? 1 : 0;
    }
  }
}

bool HarvestText::is_special(int64_t id) const {
  return std::find(special_ids_.begin(), special_ids_.end(), static_cast<uint32_t>(id)) != special_ids_.end();
}

std::vector<int64_t> HarvestText::row_ids(int64_t place) const {
  std::vector<int64_t> ids(static_cast<size_t>(context_length()));
  rows_->ids(sample_[static_cast<size_t>(place)], ids);
  return ids;
}

Window HarvestText::cut(int64_t place, int32_t start) const {
  const std::vector<int64_t> ids = row_ids(place);
  const auto first = ids.begin() + start;
  Window window{.row = sample_[static_cast<size_t>(place)], .start = start, .ids = {}, .activations = {}};
  window.ids.assign(first, first + window_tokens_);
  return window;
}

}  // namespace saesweep::evaluate
