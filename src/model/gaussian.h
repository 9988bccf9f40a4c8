#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "base/random.h"
#include "model/checkpoint.h"

namespace saesweep::model {

//! A normal distribution.
struct Gaussian {
  double mean = 0;
  double deviation = 0;
};

//! Mean and (n-1) standard deviation over all elements of a parameter, summed in float64 over fixed blocks: the same
//! bits on every machine and any number of threads.
Gaussian gaussian_of(const Checkpoint& checkpoint, const std::string& name);

//! Makes a tensor whose element i is mean + deviation * stream.normal(i), drawn on the host in float64 and rounded to
//! float32 and then to dtype: the same bits on every machine, device and number of threads.
at::Tensor draw(const Gaussian& gaussian, const Stream& stream, at::IntArrayRef shape, at::ScalarType dtype,
                at::Device device = at::Device(at::kCPU));

}  // namespace saesweep::model
