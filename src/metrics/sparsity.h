#pragma once

#include <cstdint>

namespace saesweep::metrics {

//! Norms of the latents' activations, means over samples.
struct MeanNorms {
  double l0 = 0;
  double l1 = 0;
  double l2 = 0;
};

//! Mean L1 norm over the root of the mean L2 norm, as in the code of Heap et al. (tim-lawson/superposition). NaN where
//! nothing is active.
double l1_over_root_l2(const MeanNorms& norms);

//! (sqrt(n) - L1 / L2) / (sqrt(n) - 1) of n latents: 1 where one is active, 0 where all are alike (Hoyer 2004, JMLR 5,
//! section 3.1); of the mean norms, as in the code of Heap et al., so that samples without an active latent have a say.
//! NaN where nothing is active, and for a single latent.
double hoyer_sparsity(const MeanNorms& norms, int64_t n_latents);

}  // namespace saesweep::metrics
