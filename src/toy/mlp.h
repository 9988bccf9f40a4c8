#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace saesweep::toy {

//! A random MLP d - 4 d - d with a ReLU between: weights and biases of each layer start as torch's nn.Linear does
//! (toy/start.h). Drawn from the streams of (seed, d, layer).
class RandomMlp {
 public:
  RandomMlp(int64_t d, int64_t seed);

  //! Of rows [n, d] float32.
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  at::Tensor weight1_, bias1_, weight2_, bias2_;
};

}  // namespace saesweep::toy
