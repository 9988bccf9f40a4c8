#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "model/hookpoint.h"
#include "model/options.h"
#include "model/source.h"
#include "sae/options.h"

namespace saesweep::sweep {

//! One SAE to train and score. Settings that all cells of a sweep share stand in SweepOptions.
struct Cell {
  //! Hash of every setting that decides the trained SAE (sweep/ids.h); 32 hex digits, as those below.
  std::string id;
  //! Hash of id and of what decides its metrics.
  std::string evaluate_id;
  //! Hash of evaluate_id and of what decides its scores; "" where nothing is scored.
  std::string score_id;
  //! Hash of id and of what decides which windows of its latents are chosen, so that another judge or prompt finds
  //! them; "" where nothing is scored.
  std::string harvest_id = {};

  //! The model as the sweep names it (paths absolute), the files this stands for, its name in results, and the hash of
  //! the content of the weights.
  std::string model_path;
  //! Shared: its paths take 1.6 kB.
  std::shared_ptr<const model::ModelSource> model_source;
  std::string model_name;
  std::string model_hash;
  model::Variant variant = model::Variant::kTrained;
  //! -1 where no init seed enters: trained, and step0 where it is read.
  int64_t init_seed = -1;
  model::Hookpoint hookpoint;
  sae::SaeOptions sae;
  int64_t sae_seed = 0;
  //! Token budget of the training.
  int64_t tokens = 0;
  //! Width of the activations.
  int64_t d_in = 0;
  //! d_in * expansion factor; of a loaded SAE what it has, and the factor is rounded down.
  int64_t n_latents = 0;
  //! Where an SAE that is loaded, not trained, lies, and the hash of its files; then sae_seed is -1 and tokens 0.
  std::string sae_folder = {};
  std::string sae_hash = {};

  bool is_loaded() const { return !sae_folder.empty(); }
};

//! For messages and logs: `tiny trained layers.3 topk R16 k16 seed 0, 204800 tokens`.
std::string describe(const Cell& cell);

}  // namespace saesweep::sweep
