#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/random.h"
#include "evaluate/harvest_text.h"
#include "evaluate/windows.h"
#include "sae/codes.h"

namespace saesweep::evaluate {

//! What is kept of each latent.
struct CollectOptions {
  //! Firing windows drawn at random, and windows of the highest peaks.
  int64_t n_drawn = 0;
  int64_t n_top = 0;
  //! Windows whose peak stands at three quarters, in place of those that rows are cut into.
  bool is_centered = false;
  //! Counts, for each followed latent, how often every other one fires in the same window.
  bool counts_cooccurrence = false;
};

//! Follows some latents of one SAE through a text: exact counts, a uniform sample of their firing windows, and the
//! windows of their highest peaks. The sample is that of the least keyed hashes of windows (bottom-k sampling): it
//! depends on text and latent alone, never on what else is followed or on the order of reading.
class WindowCollector {
 public:
  //! text_hash: of the text that the windows are of. Views `text`.
  WindowCollector(const HarvestText& text, const std::string& text_hash, const CollectOptions& options,
                  int64_t n_latents, std::span<const int64_t> followed);

  //! Codes of the sample's rows from `first` on, on the CPU; each row once.
  void add(const sae::Codes& codes, int64_t first);

  const std::vector<int64_t>& followed() const { return followed_; }
  //! Forgets the latent followed last. Its counts go on.
  void drop_last();
  //! Memory for windows.
  uint64_t bytes() const { return bytes_; }

  //! Tokens on which a latent fires, and windows that count in which it does; of every latent.
  int64_t n_firings(int64_t latent) const { return n_firings_[static_cast<size_t>(latent)]; }
  int64_t n_firing_windows(int64_t latent) const { return n_windows_[static_cast<size_t>(latent)]; }

  // Of followed latents, by their place in followed().

  //! Windows that the sample is drawn from: as n_firing_windows, but for centered ones.
  int64_t n_candidates(size_t place) const { return tracks_[place].n_candidates; }
  //! Whether it fires in window w of the text.
  bool fires_in(size_t place, int64_t window) const { return tracks_[place].fires[static_cast<size_t>(window)]; }
  const std::vector<bool>& firing_windows(size_t place) const { return tracks_[place].fires; }
  //! Highest peak first.
  std::vector<Window> top(size_t place) const { return sorted(tracks_[place].top, peaks_higher); }
  //! In the order drawn.
  std::vector<Window> drawn(size_t place) const { return sorted(tracks_[place].drawn, drawn_earlier); }
  //! Windows in which another latent fires, too, [n_latents]; with counts_cooccurrence alone.
  const std::vector<int32_t>& cooccurrences(size_t place) const { return tracks_[place].together; }

 private:
  struct Record {
    uint64_t draw;
    float peak;
    int64_t place;
    int32_t start;
    std::vector<float> activations;
  };
  struct Track {
    Stream stream;
    int64_t n_candidates = 0;
    std::vector<bool> fires = {};
    //! Heaps, the worst in front.
    std::vector<Record> drawn = {}, top = {};
    //! Centered windows that came already, by their tokens.
    std::unordered_set<uint64_t> seen = {};
    std::vector<int32_t> together = {};
    //! Position and value of its firings in the row being read.
    std::vector<std::pair<int32_t, float>> row = {};
  };

  using Order = bool (*)(const Record&, const Record&);
  static bool drawn_earlier(const Record& a, const Record& b);
  static bool peaks_higher(const Record& a, const Record& b);

  void read_row(const sae::Codes& codes, int64_t token, int64_t place);
  void note_window(int32_t latent, int64_t window);
  void count_window(int64_t window);
  void take_windows(Track& track, int64_t place, const std::vector<int64_t>& ids);
  void take_centered(Track& track, int64_t place, int32_t peak_at, float peak, const std::vector<int64_t>& ids);
  void offer(Track& track, int64_t place, int32_t start, float peak);
  void keep(std::vector<Record>& heap, Record record, int64_t n_most, Order is_better);
  std::vector<Window> sorted(std::vector<Record> records, Order is_better) const;

  const HarvestText* text_;
  CollectOptions options_;
  std::vector<int64_t> followed_;
  std::vector<Track> tracks_;
  std::vector<int32_t> track_of_;  //!< [n_latents], -1: not followed
  std::vector<int64_t> n_firings_, n_windows_, last_window_;
  std::vector<int32_t> fired_;    //!< latents that fire in the window being read
  std::vector<int32_t> touched_;  //!< tracks that fire in the row being read
  uint64_t bytes_ = 0;
};

}  // namespace saesweep::evaluate
