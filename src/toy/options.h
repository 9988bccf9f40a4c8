#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace saesweep::toy {

//! The data that toy SAEs are trained on, as far as all cells of a sweep share it. Defaults are those of Heap et al.
//! (arXiv 2501.17727, section 4), whose superposed data is that of Sharkey et al. (2022).
struct DataOptions {
  //! Features that superposed inputs are made of, and dimensions of the inputs.
  int64_t features = 512;
  int64_t d_in = 256;
  //! Of them, those active in a sample, on average.
  double active_features = 5;
  //! Exponent of the decay of firing rates, per index of the feature.
  double decay = 0.99;
  //! Samples drawn; of an embedding matrix so many rows, 0: all.
  int64_t samples = 10000;
  //! Share of the samples that metrics are taken on.
  double held_out = 0.1;
};

struct TrainingOptions {
  int64_t epochs = 100;
  //! Samples a step; the last step of an epoch has what is left.
  int64_t batch = 256;
  //! Of Adam.
  double learning_rate = 1e-3;
};

//! A toy sweep file, read and checked. Cells are the product of all that is an array here.
struct ToyOptions {
  std::string name;
  std::filesystem::path output;
  //! The file it was read from, for messages.
  std::string source;
  //! The sweep as TOML with every default filled in.
  std::string resolved;
  //! "superposed", "gaussian"; with embeddings "embedding", "gaussian".
  std::vector<std::string> data;
  //! "input": the data itself; "mlp": behind the random MLP.
  std::vector<std::string> hookpoints;
  //! Embedding matrices: checkpoints or GloVe's text files; empty: superposed data is drawn.
  std::vector<std::string> embeddings;
  //! Latents of an SAE, or latents per input dimension; one of them is empty.
  std::vector<int64_t> latents;
  std::vector<int64_t> expansion_factors;
  //! Weights of the mean activation of the latents in the loss.
  std::vector<double> penalties;
  //! Of data, split, MLP, SAE start and order.
  std::vector<int64_t> seeds;
  DataOptions drawn;
  TrainingOptions training;
  //! SAEs that a rank trains at the same time on the CPU, each on a thread. Never changes results.
  int64_t threads = 1;
  //! "cpu", "cuda" or "auto".
  std::string device = "auto";
};

}  // namespace saesweep::toy
