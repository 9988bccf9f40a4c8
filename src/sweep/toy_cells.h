#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "results/cell_row.h"
#include "toy/dataset.h"
#include "toy/embeddings.h"
#include "toy/options.h"

namespace saesweep::sweep {

//! A toy SAE to train and measure.
struct ToyCell {
  //! "toy", or the name of the embedding matrix.
  std::string model;
  //! Of the embedding matrices; -1: superposed features, or their control.
  int64_t embeddings = -1;
  toy::DataKey data;
  int64_t n_samples = 0;
  int64_t d_in = 0;
  int64_t n_latents = 0;
  double penalty = 0;
  //! As a sweep's cells (docs/design.md): hashes of all that decides the SAE, and its measures.
  std::string id = {};
  std::string evaluate_id = {};
};

//! The cells of a toy sweep, those that share data one after the other, of these those that share a start, too.
//! embeddings: as many as the options name. For ids that hold, options.device must be resolved (sweep/device.h): "cuda"
//! enters them. Throws ConfigError where two cells would be the same, two matrices have one name, or samples leave none
//! to train or to measure on.
std::vector<ToyCell> expand_toy(const toy::ToyOptions& options, std::span<const toy::Embeddings> embeddings);

//! The identifying columns of a cell.
results::CellRow row_of(const ToyCell& cell, const toy::ToyOptions& options);

//! For people.
std::string describe(const ToyCell& cell);

//! Samples that an SAE is trained on, and operations of its products.
int64_t training_samples(const ToyCell& cell, const toy::ToyOptions& options);
double product_operations(const ToyCell& cell, const toy::ToyOptions& options);

}  // namespace saesweep::sweep
