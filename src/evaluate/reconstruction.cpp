#include "evaluate/reconstruction.h"

#include <cmath>
#include <limits>

#include "metrics/reconstruction.h"

namespace saesweep::evaluate {

namespace {

std::vector<double> mean_of(const at::Tensor& x) {
  const auto d = static_cast<size_t>(x.size(1));
  std::vector<double> mean(d, 0.0);
  const float* data = x.const_data_ptr<float>();
  for (int64_t t = 0; t < x.size(0); ++t, data += d) {
    for (size_t i = 0; i < d; ++i) mean[i] += data[i];
  }
  for (double& value : mean) value /= static_cast<double>(x.size(0));
  return mean;
}

}  // namespace

void ReconstructionSums::Sums::add(const float* x, const float* x_hat, const std::vector<double>& shift) {
  const size_t d = shift.size();
  sum.resize(d, 0.0);
  square.resize(d, 0.0);
  double error = 0, product = 0, norm = 0, norm_hat = 0;
  for (size_t i = 0; i < d; ++i) {
    const double value = x[i];
    const double value_hat = x_hat[i];
    const double shifted = value - shift[i];
    sum[i] += shifted;
    square[i] += shifted * shifted;
    error += (value - value_hat) * (value - value_hat);
    product += value * value_hat;
    norm += value * value;
    norm_hat += value_hat * value_hat;
  }
  ++n;
  squared_error += error;
  cosine += product / std::sqrt(norm * norm_hat);
}

Reconstruction ReconstructionSums::Sums::reconstruction() const {
  if (n == 0) {
    constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();
    return {kMissing, kMissing, kMissing};
  }
  const auto tokens = static_cast<double>(n);
  return {metrics::explained_variance(squared_error, metrics::total_variance(sum, square, n)), cosine / tokens,
          squared_error / (tokens * static_cast<double>(sum.size()))};
}

void ReconstructionSums::add(const at::Tensor& x, const at::Tensor& x_hat, int64_t context) {
  if (shift_.empty()) shift_ = mean_of(x);
  const int64_t d = x.size(1);
  const float* values = x.const_data_ptr<float>();
  const float* values_hat = x_hat.const_data_ptr<float>();
  for (int64_t t = 0; t < x.size(0); ++t) {
    Sums& sums = t % context == 0 ? first_ : rest_;
    sums.add(values + t * d, values_hat + t * d, shift_);
  }
}

Reconstruction ReconstructionSums::all() const {
  if (first_.n == 0) return rest_.reconstruction();
  Sums both = first_;
  both.n += rest_.n;
  both.squared_error += rest_.squared_error;
  both.cosine += rest_.cosine;
  for (size_t i = 0; i < rest_.sum.size(); ++i) {
    both.sum[i] += rest_.sum[i];
    both.square[i] += rest_.square[i];
  }
  return both.reconstruction();
}

Reconstruction ReconstructionSums::without_first() const {
  return rest_.reconstruction();
}

}  // namespace saesweep::evaluate
