#include "evaluate/firings.h"

#include <algorithm>
#include <numeric>

namespace saesweep::evaluate {

FiringCounts::FiringCounts(int64_t n_latents) : counts_(static_cast<size_t>(n_latents), 0) {}

void FiringCounts::add(const sae::Codes& codes) {
  const float* values = codes.values.const_data_ptr<float>();
  const int32_t* latents = codes.latents.const_data_ptr<int32_t>();
  for (int64_t entry = 0; entry < codes.n_entries(); ++entry) {
    ++counts_[static_cast<size_t>(latents[entry])];
    value_sum_ += values[entry];
  }
  n_tokens_ += codes.n_tokens();
}

double FiringCounts::l0() const {
  const auto n_firings = std::accumulate(counts_.begin(), counts_.end(), int64_t{0});
  return static_cast<double>(n_firings) / static_cast<double>(n_tokens_);
}

double FiringCounts::l1() const {
  return value_sum_ / static_cast<double>(n_tokens_);
}

double FiringCounts::dead_fraction() const {
  const auto n_dead = std::count(counts_.begin(), counts_.end(), 0);
  return static_cast<double>(n_dead) / static_cast<double>(counts_.size());
}

std::vector<float> FiringCounts::firing_rates() const {
  std::vector<float> rates(counts_.size());
  std::transform(counts_.begin(), counts_.end(), rates.begin(), [this](int64_t count) {
    return static_cast<float>(static_cast<double>(count) / static_cast<double>(n_tokens_));
  });
  return rates;
}

}  // namespace saesweep::evaluate
