#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "model/compute.h"
#include "sweep/toy_cache.h"
#include "sweep/toy_cells.h"
#include "toy/dataset.h"
#include "toy/evaluation.h"
#include "toy/options.h"
#include "toy/sae_training.h"
#include "toy/start.h"

namespace saesweep::sweep {

//! What became of a cell.
struct ToyOutcome {
  toy::TrainingReport training = {};
  toy::Evaluation evaluation = {};
  double evaluation_seconds = 0;
  //! Why it failed; "": it did not.
  std::string failure = {};
};

//! Trains and measures the cells of a toy sweep on one rank: makes what cells share (data, starts) once. Views what it
//! is given.
class ToyTraining {
 public:
  //! Whether to stop; may be asked on any thread.
  using Stop = std::function<bool()>;

  //! device_bytes: of CUDA memory, what every rank may use, so that all divide the cells alike; 0 on the CPU.
  ToyTraining(const toy::ToyOptions& options, std::span<const toy::Embeddings> embeddings,
              std::span<const ToyCell> cells, at::Device device, uint64_t device_bytes);

  //! Divides cells, by their places, into what is trained at a time: on CUDA all of one data set and width that fit
  //! half of its memory, on the CPU each by itself, since its parameters then stay in the cache.
  std::vector<std::vector<size_t>> items(std::span<const size_t> to_do) const;

  //! An outcome for each cell of an item. On the CPU several threads may call it. Told to stop, it returns soon, with
  //! training.is_stopped set.
  std::vector<ToyOutcome> train(std::span<const size_t> places, const Stop& is_stopped);

 private:
  using DataOf = std::pair<int64_t, toy::DataKey>;
  //! Dimensions, latents and seed.
  using StartOf = std::tuple<int64_t, int64_t, int64_t>;

  ToyOutcome train_alone(const ToyCell& cell, const Stop& is_stopped);
  std::vector<ToyOutcome> train_together(std::span<const size_t> places, const Stop& is_stopped);
  std::shared_ptr<const toy::Dataset> data_for(const ToyCell& cell);
  toy::Parameters start_for(const ToyCell& cell);
  void measure(const toy::Parameters& parameters, const toy::Dataset& data, ToyOutcome& outcome) const;

  const toy::ToyOptions& options_;
  std::span<const toy::Embeddings> embeddings_;
  std::span<const ToyCell> cells_;
  at::Device device_;
  uint64_t device_bytes_;
  ToyCache<DataOf, toy::Dataset> data_;
  ToyCache<StartOf, toy::Parameters> starts_;
};

}  // namespace saesweep::sweep
