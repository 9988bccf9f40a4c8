#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "toy/dataset.h"
#include "toy/options.h"
#include "toy/start.h"

namespace saesweep::toy {

//! Latents that are worked on while they are in the cache (with 256 samples and dimensions some 600 KB).
inline constexpr int64_t kLatentsAtATime = 128;

//! What training an SAE ended with.
struct TrainingReport {
  //! Of the last step.
  double loss = 0;
  int64_t samples = 0;
  double seconds = 0;
  //! Of them, in matrix products.
  double product_seconds = 0;
  //! Asked to stop: the parameters are half-trained.
  bool is_stopped = false;
};

//! What is to be learnt how.
struct TrainingSettings {
  TrainingOptions options;
  double penalty = 0;
  //! Of the order of samples.
  int64_t seed = 0;
};

//! Order of n samples in an epoch, the same for all SAEs of a seed: from the stream of (seed, n, epoch).
std::vector<uint32_t> sample_order(int64_t n, int64_t seed, int64_t epoch);

//! Trains an SAE on the CPU, on the calling thread alone, from `parameters` on, in place: Adam on
//!   mean over samples and dimensions of (x - x_hat)^2 + penalty * mean over samples and latents of the activation,
//! x and x_hat as the samples were before they were standardized; decoder columns scaled to unit length before each
//! step. Between products all is done while it is in the cache, some latents at a time. Ends early, between steps,
//! where is_stopped, which may be called from several threads, says so. Throws NumericError where the loss is not
//! finite.
TrainingReport train(const Standardized& data, const TrainingSettings& settings,
                     const std::function<bool()>& is_stopped, Parameters& parameters);

//! Operations (multiplications and additions) of the products of training one SAE.
double product_operations(const TrainingOptions& options, int64_t n_samples, int64_t d_in, int64_t n_latents);

}  // namespace saesweep::toy
