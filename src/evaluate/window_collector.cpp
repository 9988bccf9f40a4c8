#include "evaluate/window_collector.h"

#include <algorithm>
#include <tuple>

namespace saesweep::evaluate {

WindowCollector::WindowCollector(const HarvestText& text, const std::string& text_hash, const CollectOptions& options,
                                 int64_t n_latents, std::span<const int64_t> followed)
    : text_(&text),
      options_(options),
      followed_(followed.begin(), followed.end()),
      track_of_(static_cast<size_t>(n_latents), -1),
      n_firings_(static_cast<size_t>(n_latents), 0),
      n_windows_(static_cast<size_t>(n_latents), 0),
      last_window_(static_cast<size_t>(n_latents), -1) {
  for (size_t i = 0; i < followed_.size(); ++i) {
    track_of_[static_cast<size_t>(followed_[i])] = static_cast<int32_t>(i);
    tracks_.push_back({.stream = Stream{"firing windows", text_hash, followed_[i]},
                       .fires = std::vector<bool>(static_cast<size_t>(text.n_windows()))});
    if (options.counts_cooccurrence) tracks_.back().together.assign(static_cast<size_t>(n_latents), 0);
    bytes_ += static_cast<uint64_t>(text.n_windows() / 8) + tracks_.back().together.size() * sizeof(int32_t);
  }
}

void WindowCollector::add(const sae::Codes& codes, int64_t first) {
  const int64_t n_rows = codes.n_tokens() / text_->context_length();
  for (int64_t row = 0; row < n_rows; ++row) read_row(codes, row * text_->context_length(), first + row);
}

void WindowCollector::read_row(const sae::Codes& codes, int64_t token, int64_t place) {
  const int64_t* starts = codes.starts.const_data_ptr<int64_t>();
  const int32_t* latents = codes.latents.const_data_ptr<int32_t>();
  const float* values = codes.values.const_data_ptr<float>();
  const std::vector<int64_t> ids = text_->row_ids(place);
  const int64_t window_tokens = text_->window_tokens();
  int64_t window = place * text_->windows_per_row() - 1;
  for (int64_t i = 0; i < text_->context_length(); ++i) {
    if (i % window_tokens == 0) {
      count_window(window);
      ++window;
    }
    if (text_->is_special(ids[static_cast<size_t>(i)])) continue;
    for (int64_t entry = starts[token + i]; entry < starts[token + i + 1]; ++entry) {
      if (!(values[entry] > 0)) continue;
      const auto latent = static_cast<size_t>(latents[entry]);
      ++n_firings_[latent];
      if (text_->counts(window)) {
        note_window(latents[entry], window);
      } else if (!options_.is_centered) {
        continue;
      }
      if (track_of_[latent] < 0) continue;
      Track& track = tracks_[static_cast<size_t>(track_of_[latent])];
      if (track.row.empty()) touched_.push_back(track_of_[latent]);
      track.row.emplace_back(static_cast<int32_t>(i), values[entry]);
    }
  }
  count_window(window);
  for (const int32_t touched : touched_) {
    Track& track = tracks_[static_cast<size_t>(touched)];
    take_windows(track, place, ids);
    track.row.clear();
  }
  touched_.clear();
}

void WindowCollector::note_window(int32_t latent, int64_t window) {
  int64_t& last = last_window_[static_cast<size_t>(latent)];
  if (last == window) return;
  last = window;
  ++n_windows_[static_cast<size_t>(latent)];
  fired_.push_back(latent);
}

void WindowCollector::count_window(int64_t window) {
  for (const int32_t latent : fired_) {
    const int32_t followed = track_of_[static_cast<size_t>(latent)];
    if (followed < 0) continue;
    Track& track = tracks_[static_cast<size_t>(followed)];
    track.fires[static_cast<size_t>(window)] = true;
    if (!options_.counts_cooccurrence) continue;
    for (const int32_t other : fired_) ++track.together[static_cast<size_t>(other)];
  }
  fired_.clear();
}

void WindowCollector::take_windows(Track& track, int64_t place, const std::vector<int64_t>& ids) {
  const auto window_tokens = static_cast<int32_t>(text_->window_tokens());
  for (size_t i = 0; i < track.row.size();) {
    const int32_t start = track.row[i].first / window_tokens * window_tokens;
    auto [peak_at, peak] = track.row[i];
    for (; i < track.row.size() && track.row[i].first < start + window_tokens; ++i) {
      if (track.row[i].second > peak) std::tie(peak_at, peak) = track.row[i];
    }
    if (options_.is_centered) {
      take_centered(track, place, peak_at, peak, ids);
    } else {
      ++track.n_candidates;
      offer(track, place, start, peak);
    }
  }
}

void WindowCollector::take_centered(Track& track, int64_t place, int32_t peak_at, float peak,
                                    const std::vector<int64_t>& ids) {
  const auto window_tokens = static_cast<int32_t>(text_->window_tokens());
  const int32_t start = peak_at - 3 * window_tokens / 4;
  const int32_t end = start + window_tokens;
  if (start < 0 || end > text_->context_length()) return;
  if (std::any_of(ids.begin() + start, ids.begin() + end, [this](int64_t id) { return text_->is_special(id); })) return;
  for (const auto& [at, value] : track.row) {
    // A higher peak beside it has a window of its own; of equal ones the first.
    if (at >= start && at < end && (value > peak || (value == peak && at < peak_at))) return;
  }
  if (!track.seen.insert(hash_of_ids(ids.data() + start, window_tokens)).second) return;
  bytes_ += sizeof(uint64_t) * 2;
  ++track.n_candidates;
  offer(track, place, start, peak);
}

void WindowCollector::offer(Track& track, int64_t place, int32_t start, float peak) {
  const int64_t token = place * text_->context_length() + start;
  Record record{track.stream.bits(static_cast<uint64_t>(token)), peak, place, start, {}};
  const auto enters = [&](const std::vector<Record>& heap, int64_t n_most, Order is_better) {
    return n_most > 0 && (static_cast<int64_t>(heap.size()) < n_most || is_better(record, heap.front()));
  };
  const bool is_drawn = enters(track.drawn, options_.n_drawn, drawn_earlier);
  const bool is_top = enters(track.top, options_.n_top, peaks_higher);
  if (!is_drawn && !is_top) return;
  record.activations.assign(static_cast<size_t>(text_->window_tokens()), 0);
  for (const auto& [at, value] : track.row) {
    if (at >= start && at < start + text_->window_tokens()) record.activations[static_cast<size_t>(at - start)] = value;
  }
  if (is_drawn) keep(track.drawn, record, options_.n_drawn, drawn_earlier);
  if (is_top) keep(track.top, std::move(record), options_.n_top, peaks_higher);
}

// The heap's front is the worst that is kept.
void WindowCollector::keep(std::vector<Record>& heap, Record record, int64_t n_most, Order is_better) {
  if (static_cast<int64_t>(heap.size()) >= n_most) {
    std::pop_heap(heap.begin(), heap.end(), is_better);
    heap.back() = std::move(record);
  } else {
    bytes_ += sizeof(Record) + record.activations.size() * sizeof(float);
    heap.push_back(std::move(record));
  }
  std::push_heap(heap.begin(), heap.end(), is_better);
}

void WindowCollector::drop_last() {
  const Track& track = tracks_.back();
  const size_t record = sizeof(Record) + static_cast<size_t>(text_->window_tokens()) * sizeof(float);
  bytes_ -= (track.drawn.size() + track.top.size()) * record + track.seen.size() * sizeof(uint64_t) * 2 +
            static_cast<uint64_t>(text_->n_windows() / 8) + track.together.size() * sizeof(int32_t);
  track_of_[static_cast<size_t>(followed_.back())] = -1;
  tracks_.pop_back();
  followed_.pop_back();
}

bool WindowCollector::drawn_earlier(const Record& a, const Record& b) {
  return std::tie(a.draw, a.place, a.start) < std::tie(b.draw, b.place, b.start);
}

bool WindowCollector::peaks_higher(const Record& a, const Record& b) {
  return std::tie(b.peak, a.place, a.start) < std::tie(a.peak, b.place, b.start);
}

std::vector<Window> WindowCollector::sorted(std::vector<Record> records, Order is_better) const {
  std::sort(records.begin(), records.end(), is_better);
  std::vector<Window> windows;
  windows.reserve(records.size());
  for (Record& record : records) {
    windows.push_back(text_->cut(record.place, record.start));
    windows.back().activations = std::move(record.activations);
  }
  return windows;
}

}  // namespace saesweep::evaluate
