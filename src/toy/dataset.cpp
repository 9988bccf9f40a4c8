#include "toy/dataset.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/index_select.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>
#include <vector>

#include "base/random.h"
#include "toy/mlp.h"
#include "toy/samples.h"

namespace saesweep::toy {

namespace {

constexpr double kEpsilon = 1e-8;

at::Tensor rows_at(const at::Tensor& x, std::span<const uint32_t> numbers) {
  at::Tensor index = at::empty({std::ssize(numbers)}, at::kLong);
  std::copy(numbers.begin(), numbers.end(), index.mutable_data_ptr<int64_t>());
  return at::index_select(x, 0, index);
}

//! The rows of a seed, in its order where it is not all of them.
at::Tensor chosen_rows(const at::Tensor& all, int64_t n, int64_t seed) {
  if (n == 0 || n >= all.size(0)) return all;
  const auto order = permutation(static_cast<uint64_t>(all.size(0)), Stream{"toy rows", seed, all.size(0)});
  return rows_at(all, std::span(order).first(static_cast<size_t>(n)));
}

Samples samples_of(const DataOptions& options, const Embeddings* embeddings, const DataKey& key) {
  Samples samples = embeddings == nullptr ? superposed(options, key.seed)
                                          : Samples{chosen_rows(embeddings->rows, options.samples, key.seed)};
  if (key.variant == "gaussian") samples = gaussian_like(samples.x, key.seed);
  if (!key.is_behind_mlp) return samples;
  const RandomMlp mlp(samples.x.size(1), key.seed);
  samples.x = mlp(samples.x);
  if (samples.features.defined()) {
    samples.features = mlp(samples.features);
    samples.features.div_(samples.features.norm(2, {1}, /*keepdim=*/true));
  }
  return samples;
}

}  // namespace

Standardized standardize(const at::Tensor& samples) {
  const at::Tensor x = samples.contiguous();
  const int64_t n = x.size(0), d = x.size(1);
  Standardized made{at::empty({n, d}, at::kFloat), at::empty({n}, at::kFloat), at::empty({n}, at::kFloat)};
  for (int64_t i = 0; i < n; ++i) {
    const float* row = x.const_data_ptr<float>() + i * d;
    double sum = 0, square = 0;
    for (int64_t k = 0; k < d; ++k) sum += row[k];
    const double mean = sum / static_cast<double>(d);
    for (int64_t k = 0; k < d; ++k) square += (row[k] - mean) * (row[k] - mean);
    const double deviation = std::sqrt(square / static_cast<double>(d - 1));
    float* out = made.x.mutable_data_ptr<float>() + i * d;
    for (int64_t k = 0; k < d; ++k) out[k] = static_cast<float>((row[k] - mean) / (deviation + kEpsilon));
    made.mean.mutable_data_ptr<float>()[i] = static_cast<float>(mean);
    made.deviation.mutable_data_ptr<float>()[i] = static_cast<float>(deviation);
  }
  return made;
}

int64_t n_held_out(const DataOptions& options, int64_t n_samples) {
  return std::lround(options.held_out * static_cast<double>(n_samples));
}

Dataset make_dataset(const DataOptions& options, const Embeddings* embeddings, const DataKey& key) {
  const Samples samples = samples_of(options, embeddings, key);
  const int64_t n = samples.x.size(0);
  const auto order = permutation(static_cast<uint64_t>(n), Stream{"toy split", key.seed, n});
  const auto n_out = static_cast<size_t>(n_held_out(options, n));
  return {standardize(rows_at(samples.x, std::span(order).subspan(n_out))),
          standardize(rows_at(samples.x, std::span(order).first(n_out))), samples.features};
}

}  // namespace saesweep::toy
