#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "autointerp/options.h"
#include "evaluate/options.h"
#include "judge/options.h"
#include "model/options.h"
#include "sae/options.h"
#include "text/options.h"
#include "train/options.h"

namespace saesweep::sweep {

//! Which layers of a model get SAEs.
struct LayerSelection {
  //! Every stride-th layer (1 = all) where `layers` is empty.
  int64_t stride = 1;
  std::vector<int64_t> layers;
};

//! The axes of the grid; the cells are their product.
struct GridAxes {
  std::vector<std::string> model_paths;
  std::vector<model::Variant> variants;
  std::vector<int64_t> init_seeds;
  std::vector<LayerSelection> layers;
  //! "residual", "mlp", "attention" or "embed".
  std::vector<std::string> hookpoints;
  std::vector<sae::Architecture> architectures;
  std::vector<int64_t> expansion_factors;
  //! Of no meaning for relu and jumprelu, which have penalties instead.
  std::vector<int64_t> ks;
  //! Weights of the sparsity losses of relu and of jumprelu.
  std::vector<double> l1_penalties;
  std::vector<double> l0_penalties;
  std::vector<int64_t> sae_seeds;
  std::vector<int64_t> tokens;
};

struct RunOptions {
  //! Threads a rank computes with.
  int64_t threads = 1;
  //! "cpu", "cuda", or "auto": cuda where every rank has one, else cpu (sweep/device.h). CUDA's results differ from
  //! the CPU's by rounding.
  std::string device = "auto";
  //! Most cells that train at the same time on one rank; 0: as many as one forward pass can feed without
  //! leaving ranks idle. Never changes results.
  int64_t cells_per_unit = 0;
  //! Memory a rank may use, in GB (10^9 bytes); 0: its share of the machine's. Units are cut to fit. Never changes
  //! results.
  double memory_gb = 0;
  //! When what is trained is saved (train/checkpoint_pace.h): tokens, "10 min", "auto" or "never".
  std::string checkpoint_every = "auto";
  //! Between a signal to stop and the kill that follows it.
  double grace_seconds = 30;
};

//! A sweep file, read and checked. Fields that are axes of the grid hold their value in GridAxes; the option
//! structs hold everything else.
struct SweepOptions {
  std::string name;
  std::filesystem::path output;
  //! The file it was read from, for messages.
  std::string source;
  //! The sweep as TOML with every default filled in.
  std::string resolved;
  //! Where its tables and keys were given, "sae" and "sae.k": the file's line, or the command line. For messages.
  std::map<std::string, std::string> places;
  GridAxes axes;
  model::ModelOptions model;
  text::TextOptions text;
  sae::SaeOptions sae;
  //! Folders of SAEs that are evaluated instead of trained ones, with places for names (sweep/loaded_saes.h); "":
  //! train.
  std::string load;
  train::TrainOptions train;
  evaluate::EvaluateOptions evaluate;
  autointerp::AutointerpOptions autointerp;
  judge::JudgeOptions judge;
  RunOptions run;

  //! Of a key "sae.k"; where it was not given its table's, or the file.
  const std::string& place_of(const std::string& key) const {
    auto found = places.find(key);
    if (found == places.end()) found = places.find(key.substr(0, key.find('.')));
    return found == places.end() ? source : found->second;
  }
};

}  // namespace saesweep::sweep
