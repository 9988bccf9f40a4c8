#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "toy/embeddings.h"
#include "toy/options.h"

namespace saesweep::toy {

//! Samples [n, d_in] float32, each with its own mean taken off and divided by its own (n-1) deviation plus 1e-8, as
//! SAEs see them; and what gives the sample back: x = standardized * deviation + mean.
struct Standardized {
  at::Tensor x;          //!< [n, d_in]
  at::Tensor mean;       //!< [n]
  at::Tensor deviation;  //!< [n]

  int64_t n() const { return x.size(0); }
  int64_t d_in() const { return x.size(1); }
  //! On a device; the same tensors where they are there already.
  Standardized to(at::Device device) const { return {x.to(device), mean.to(device), deviation.to(device)}; }
};

Standardized standardize(const at::Tensor& samples);

//! Which data a toy SAE is trained on.
struct DataKey {
  //! "superposed", "embedding" or "gaussian".
  std::string variant;
  //! Goes through the random MLP.
  bool is_behind_mlp = false;
  int64_t seed = 0;

  auto operator<=>(const DataKey&) const = default;
};

struct Dataset {
  Standardized train;
  Standardized held_out;
  //! True features, float32 [features, d_in] with unit rows (behind the MLP: of what it makes of them); undefined where
  //! none are known.
  at::Tensor features;
};

//! Draws the data, or takes rows of `embeddings` (null: superposed data), and divides it. A Gaussian control has the
//! mean and deviation of the data of the same seed, before the MLP.
Dataset make_dataset(const DataOptions& options, const Embeddings* embeddings, const DataKey& key);

//! Of so many samples, those that metrics are taken on; the others are trained on.
int64_t n_held_out(const DataOptions& options, int64_t n_samples);

}  // namespace saesweep::toy
