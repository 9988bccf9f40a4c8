#pragma once

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <chrono>
#include <vector>

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

//! Seconds of the product [m, k] x [k, n] in float32, as ATen takes it.
double product_seconds(int64_t m, int64_t k, int64_t n);

}  // namespace saesweep::bench
