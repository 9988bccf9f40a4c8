#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

#include "toy/options.h"

namespace saesweep::toy {

//! Samples of toy data and, where they are known, the features that they are sums of.
struct Samples {
  at::Tensor x;  //!< float32 [samples, d_in]
  //! float32 [features, d_in], unit rows; undefined where there are none.
  at::Tensor features = {};
};

//! Sharkey, Braun & Millidge 2022, "Taking features out of superposition with sparse autoencoders": unit features; each
//! sample draws correlated normals N(0, A A^T), A standard normal and not normalized; their CDF, raised to decay times
//! the feature's index and scaled to `active_features` on average in each sample (and cut at 1), is the chance that the
//! feature is active, with a coefficient uniform in [0, 1). Drawn from streams keyed by (purpose, seed, features,
//! d_in).
Samples superposed(const DataOptions& options, int64_t seed);

//! As many independent normals as x has, with the mean and the (n-1) deviation of all elements of x together.
Samples gaussian_like(const at::Tensor& x, int64_t seed);

//! Calls work with rows [first, last) of n, in blocks of fixed size, on all threads: the shapes of products in it, and
//! so their bits, do not depend on the number of threads.
void for_each_block(int64_t n, const std::function<void(int64_t first, int64_t last)>& work);

}  // namespace saesweep::toy
