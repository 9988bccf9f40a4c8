#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "evaluate/harvest_text.h"
#include "evaluate/window_collector.h"
#include "evaluate/windows.h"

namespace saesweep::evaluate {

//! Where silent windows of a latent come from.
enum class Negatives {
  //! Any window.
  kRandom,
  //! Firing windows of the latents whose decoder rows are nearest by cosine.
  kDecoder,
  //! Firing windows of the latents that fire in the same windows most (Jaccard index).
  kCooccurrence
};

//! Which latents' windows are wanted, and how many.
struct HarvestOptions {
  //! Latents to find.
  int64_t n_latents = 0;
  //! A latent qualifies that fires in min_windows windows that count, and is silent in n_silent.
  int64_t min_windows = 0;
  int64_t n_silent = 0;
  //! Firing windows drawn, and windows of the highest peaks.
  int64_t n_drawn = 0;
  int64_t n_top = 0;
  bool is_centered = false;
  Negatives negatives = Negatives::kRandom;
};

//! Finds the windows of one SAE's latents by reading a text, as often as it takes (once for most SAEs): the order of
//! latents that (SAE seed, latents) give is walked until n_latents qualify or it ends. In the first reading the latents
//! at its head are followed, in the next those that turned out to be missing, then neighbours where they are wanted.
//! How many are followed at a time depends on memory; what comes out does not.
class Harvest {
 public:
  //! decoder: W_dec, [latents, d_in]. Views `text`.
  Harvest(const HarvestText& text, std::string text_hash, HarvestOptions options, int64_t sae_seed, at::Tensor decoder);

  //! Prepares a reading of the whole text; false: none is needed.
  bool begin_reading();
  //! Codes of the sample's rows from `first` on, on the CPU; each row once a reading, in order.
  void add(const sae::Codes& codes, int64_t first) { collector_->add(codes, first); }
  void end_reading();

  //! Memory for windows, and a way to free some: fewer latents are followed. Returns false where only one is.
  uint64_t bytes() const;
  bool shrink();

  //! When no reading is needed any more.
  CellHarvest finish();

 private:
  enum class Aim { kLatents, kCooccurrence, kNeighbours, kDone };
  //! A latent that qualified, and in which windows of the text it fires.
  struct Found {
    LatentWindows windows;
    std::vector<bool> fires;
    std::vector<int64_t> neighbours;
  };

  std::vector<int64_t> to_follow() const;
  //! Latents of the order up to the last that is needed, or that nothing is known of.
  std::vector<int64_t> walk() const;
  void take_verdicts();
  void take_latents();
  void take_cooccurrences();
  void take_neighbours();
  void find_by_decoder();
  void next_aim();
  void add_silent(Found& found) const;
  void add_from_neighbours(Found& found) const;
  void add_at_random(Found& found) const;
  bool is_silent(const Found& found, const Window& window) const;

  const HarvestText* text_;
  std::string text_hash_;
  HarvestOptions options_;
  at::Tensor decoder_;
  int64_t n_latents_;
  std::vector<uint32_t> order_;
  Aim aim_ = Aim::kLatents;
  std::optional<WindowCollector> collector_;
  //! Of each latent, as far as known.
  std::vector<LatentStatus> status_;
  //! Windows in which each latent fires.
  std::vector<int64_t> n_firing_windows_;
  std::map<int64_t, Found> found_;
  std::map<int64_t, std::vector<Window>> neighbours_;
};

}  // namespace saesweep::evaluate
