#pragma once

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "model/config.h"

namespace saesweep::bench {

//! Median seconds of a call: after one to warm up, at least 5 calls and a tenth of a second.
template <typename Call>
double median_seconds(Call&& call) {
  using Clock = std::chrono::steady_clock;
  call();
  std::vector<double> seconds;
  const auto start = Clock::now();
  while (seconds.size() < 5 || Clock::now() - start < std::chrono::milliseconds(100)) {
    const auto before = Clock::now();
    call();
    seconds.push_back(std::chrono::duration<double>(Clock::now() - before).count());
  }
  std::nth_element(seconds.begin(), seconds.begin() + static_cast<std::ptrdiff_t>(seconds.size() / 2), seconds.end());
  return seconds[seconds.size() / 2];
}

//! Returns when the device has done what it was given.
void wait_for(at::Device device);

//! Seconds of the product [m, k] x [k, n], as ATen takes it.
double product_seconds(int64_t m, int64_t k, int64_t n, at::ScalarType dtype = at::kFloat,
                       at::Device device = at::Device(at::kCPU));

//! Seconds of the products of one block over rows * context tokens: query-key-value, dense, up, down, and of
//! attention the half of its two squares that lies before each token.
double block_product_seconds(const model::GptNeoxConfig& config, int64_t rows, int64_t context,
                             at::ScalarType dtype = at::kFloat, at::Device device = at::Device(at::kCPU));

}  // namespace saesweep::bench
