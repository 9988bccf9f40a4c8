#pragma once

#include <cstdint>
#include <vector>

namespace saesweep::evaluate {

//! A window of held-out text and what one latent makes of it. Plain numbers, without Torch.
struct Window {
  //! Where it stands: row of the text, and first token in the row.
  int64_t row = 0;
  int32_t start = 0;
  std::vector<uint32_t> ids;       // [window]
  std::vector<float> activations;  // [window]

  bool operator==(const Window&) const = default;
};

//! What the walk over an SAE's latents made of one.
enum class LatentStatus : uint8_t {
  //! Not reached.
  kNotDrawn = 0,
  //! Fires, and is silent, often enough to be scored.
  kQualified = 1,
  //! Never fires.
  kDead = 2,
  //! Fires in fewer than min_windows windows.
  kRare = 3,
  //! Is silent in too few.
  kDense = 4
};

//! The windows of one latent that examples are chosen from, each with other tokens.
struct LatentWindows {
  int64_t latent = -1;
  //! Exact counts: tokens on which it fires, windows in which it does, windows in which it is silent.
  int64_t n_firings = 0;
  int64_t n_firing_windows = 0;
  int64_t n_silent_windows = 0;
  //! Windows with the highest peaks, highest first: exact.
  std::vector<Window> top;
  //! Firing windows drawn at random, in the order they were drawn.
  std::vector<Window> firing;
  //! Silent windows, likewise; or firing windows of neighbours, in which it is silent.
  std::vector<Window> silent;

  bool operator==(const LatentWindows&) const = default;
};

//! What the harvest brings for one SAE.
struct CellHarvest {
  //! Latents that qualified, in the order drawn.
  std::vector<LatentWindows> latents;
  //! Of every latent of the SAE.
  std::vector<LatentStatus> status;
  //! Latents walked over, those that qualified among them.
  int64_t n_drawn = 0;
  int64_t n_tokens = 0;
  //! Windows that count.
  int64_t n_windows = 0;

  bool operator==(const CellHarvest&) const = default;
};

}  // namespace saesweep::evaluate
