#include "train/batch_moments.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/vectorize.h"
#include "train/token_blocks.h"

namespace saesweep::train {

namespace {

constexpr int kMostRounds = 100;
constexpr double kStill = 1e-5;

SAESWEEP_VECTORIZED
void add_weighted(const float* x, double weight, int64_t d, double* sum) {
  for (int64_t i = 0; i < d; ++i) sum[i] += weight * x[i];
}

SAESWEEP_VECTORIZED
double squared_distance(const float* x, const double* point, int64_t d) {
  double square = 0;
#pragma omp simd reduction(+ : square)
  for (int64_t i = 0; i < d; ++i) {
    const double deviation = x[i] - point[i];
    square += deviation * deviation;
  }
  return square;
}

}  // namespace

std::vector<double> weighted_sum(const at::Tensor& x, const std::vector<double>& weights) {
  const int64_t d = x.size(1);
  const float* data = x.const_data_ptr<float>();
  const int64_t n_blocks = n_token_blocks(x.size(0));
  std::vector<double> sums(static_cast<size_t>(n_blocks * d), 0.0);
  for_each_token_block(x.size(0), [&](int64_t first, int64_t last, int64_t block) {
    for (int64_t t = first; t < last; ++t) {
      add_weighted(data + t * d, weights[static_cast<size_t>(t)], d, sums.data() + block * d);
    }
  });
  std::vector<double> sum(static_cast<size_t>(d), 0.0);
  for (size_t i = 0; i < sums.size(); ++i) sum[i % sum.size()] += sums[i];
  return sum;
}

std::vector<double> distances(const at::Tensor& x, const std::vector<double>& point) {
  const int64_t d = x.size(1);
  const float* data = x.const_data_ptr<float>();
  std::vector<double> all(static_cast<size_t>(x.size(0)));
  for_each_token_block(x.size(0), [&](int64_t first, int64_t last, int64_t) {
    for (int64_t t = first; t < last; ++t) {
      all[static_cast<size_t>(t)] = std::sqrt(squared_distance(data + t * d, point.data(), d));
    }
  });
  return all;
}

BatchMoments moments_of(const at::Tensor& x) {
  const int64_t d = x.size(1);
  const float* data = x.const_data_ptr<float>();
  const auto n = static_cast<double>(x.size(0));
  BatchMoments moments;
  moments.mean = weighted_sum(x, std::vector<double>(static_cast<size_t>(x.size(0)), 1.0));
  for (double& mean : moments.mean) mean /= n;
  moments.total_variance =
      sum_over_tokens(x.size(0), [&](int64_t t) { return squared_distance(data + t * d, moments.mean.data(), d); });
  return moments;
}

std::vector<double> geometric_median(const at::Tensor& x) {
  std::vector<double> guess = moments_of(x).mean;
  for (int round = 0; round < kMostRounds; ++round) {
    std::vector<double> weights = distances(x, guess);
    const double mean_distance =
        std::accumulate(weights.begin(), weights.end(), 0.0) / static_cast<double>(weights.size());
    if (!(mean_distance > 0)) return guess;
    for (double& weight : weights) weight = 1.0 / std::max(weight, 1e-9 * mean_distance);
    const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
    for (double& weight : weights) weight /= sum;
    std::vector<double> next = weighted_sum(x, weights);
    double moved = 0;
    for (size_t i = 0; i < next.size(); ++i) moved += (next[i] - guess[i]) * (next[i] - guess[i]);
    guess = std::move(next);
    if (std::sqrt(moved) < kStill) break;
  }
  return guess;
}

}  // namespace saesweep::train
