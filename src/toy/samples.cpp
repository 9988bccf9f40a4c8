#include "toy/samples.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "base/random.h"

namespace saesweep::toy {

namespace {

constexpr int64_t kBlock = 500;

std::span<double> values_of(at::Tensor& tensor) {
  return {tensor.mutable_data_ptr<double>(), static_cast<size_t>(tensor.numel())};
}

at::Tensor normals(const Stream& stream, int64_t first_row, int64_t n_rows, int64_t n_columns) {
  at::Tensor made = at::empty({n_rows, n_columns}, at::kDouble);
  stream.normals(static_cast<uint64_t>(first_row * n_columns), values_of(made));
  return made;
}

double normal_cdf(double x) {
  return 0.5 * std::erfc(-x / std::sqrt(2.0));
}

at::Tensor unit_rows(at::Tensor rows) {
  return rows.div_(rows.norm(2, {1}, /*keepdim=*/true));
}

//! Turns a sample's correlated normals into the chance of each feature to be active.
void to_chances(const DataOptions& options, std::span<double> values) {
  double sum = 0;
  for (size_t j = 0; j < values.size(); ++j) {
    values[j] = std::pow(normal_cdf(values[j]), options.decay * static_cast<double>(j));
    sum += values[j];
  }
  for (double& value : values) value = std::min(1.0, value * options.active_features / sum);
}

//! Draws which features of sample i are active, and adds them up.
class Mixing {
 public:
  Mixing(const DataOptions& options, int64_t seed, const at::Tensor& features)
      : firings_({"toy firings", seed, options.features}),
        coefficients_({"toy coefficients", seed, options.features}),
        features_(features) {}

  void mix(int64_t i, std::span<const double> chances, float* out) const {
    const int64_t d = features_.size(1);
    std::vector<double> sum(static_cast<size_t>(d), 0.0);
    const auto* rows = features_.const_data_ptr<double>();
    for (size_t j = 0; j < chances.size(); ++j) {
      const uint64_t place = static_cast<uint64_t>(i) * chances.size() + j;
      if (!(firings_.uniform(place) < chances[j])) continue;
      const double coefficient = coefficients_.uniform(place);
      const double* row = rows + static_cast<int64_t>(j) * d;
      for (int64_t k = 0; k < d; ++k) sum[static_cast<size_t>(k)] += coefficient * row[k];
    }
    std::copy(sum.begin(), sum.end(), out);
  }

 private:
  Stream firings_, coefficients_;
  const at::Tensor& features_;
};

}  // namespace

void for_each_block(int64_t n, const std::function<void(int64_t first, int64_t last)>& work) {
  at::parallel_for(0, (n + kBlock - 1) / kBlock, 1, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) work(block * kBlock, std::min(n, (block + 1) * kBlock));
  });
}

Samples superposed(const DataOptions& options, int64_t seed) {
  const int64_t n_features = options.features;
  const at::Tensor features =
      unit_rows(normals(Stream{"toy features", seed, n_features, options.d_in}, 0, n_features, options.d_in));
  const at::Tensor mixing = normals(Stream{"toy covariance", seed, n_features}, 0, n_features, n_features);
  const Stream noise{"toy samples", seed, n_features};
  const Mixing mix(options, seed, features);
  at::Tensor x = at::empty({options.samples, options.d_in}, at::kFloat);
  for_each_block(options.samples, [&](int64_t first, int64_t last) {
    // Rows are draws of N(0, mixing mixing^T).
    at::Tensor correlated = at::mm(normals(noise, first, last - first, n_features), mixing.t());
    for (int64_t i = first; i < last; ++i) {
      const auto values =
          values_of(correlated).subspan(static_cast<size_t>((i - first) * n_features), static_cast<size_t>(n_features));
      to_chances(options, values);
      mix.mix(i, values, x.mutable_data_ptr<float>() + i * options.d_in);
    }
  });
  return {x, features.to(at::kFloat)};
}

Samples gaussian_like(const at::Tensor& x, int64_t seed) {
  const at::Tensor flat = x.flatten().contiguous();
  const auto* values = flat.const_data_ptr<float>();
  const int64_t n = flat.numel();
  double sum = 0, square = 0;
  for (int64_t i = 0; i < n; ++i) sum += values[i];
  const double mean = sum / static_cast<double>(n);
  for (int64_t i = 0; i < n; ++i) square += (values[i] - mean) * (values[i] - mean);
  const double deviation = std::sqrt(square / static_cast<double>(n - 1));
  at::Tensor drawn = at::empty(x.sizes(), at::kFloat);
  const Stream stream{"toy gaussian", seed, x.size(1)};
  for_each_block(x.size(0), [&](int64_t first, int64_t last) {
    const at::Tensor part = normals(stream, first, last - first, x.size(1));
    drawn.narrow(0, first, last - first).copy_(part.mul(deviation).add(mean));
  });
  return {drawn};
}

}  // namespace saesweep::toy
