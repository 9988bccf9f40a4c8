#pragma once

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

namespace saesweep::test {

//! torch.optim.Adam of one tensor, in float64.
class DenseAdam {
 public:
  explicit DenseAdam(const at::Tensor& parameter, double epsilon = 1e-8)
      : epsilon_(epsilon), first_(at::zeros_like(parameter)), second_(at::zeros_like(parameter)) {}

  at::Tensor step(const at::Tensor& parameter, const at::Tensor& gradient, double learning_rate) {
    ++t_;
    first_ = 0.9 * first_ + 0.1 * gradient;
    second_ = 0.999 * second_ + 0.001 * gradient * gradient;
    const at::Tensor mean = first_ / (1 - std::pow(0.9, t_));
    const at::Tensor deviation = (second_ / (1 - std::pow(0.999, t_))).sqrt();
    return parameter - learning_rate * mean / (deviation + epsilon_);
  }
  at::Tensor finish(const at::Tensor& parameter) const { return parameter; }

 private:
  double epsilon_;
  int t_ = 0;
  at::Tensor first_, second_;
};

//! sparsify's SignSGD in schedulefree's ScheduleFreeWrapper with momentum 0.95, of one tensor, in float64.
class DenseSignum {
 public:
  explicit DenseSignum(const at::Tensor& parameter) : z_(parameter.detach().clone()) {}

  at::Tensor step(const at::Tensor& parameter, const at::Tensor& gradient, double learning_rate) {
    at::Tensor x = at::lerp(parameter, z_, 1 - 1 / kMomentum);
    z_ = z_ - learning_rate * gradient.sign();
    largest_rate_ = std::max(largest_rate_, learning_rate);
    weight_sum_ += largest_rate_ * largest_rate_;
    x = at::lerp(x, z_, largest_rate_ * largest_rate_ / weight_sum_);
    return at::lerp(x, z_, 1 - kMomentum);
  }
  //! eval() of the wrapper.
  at::Tensor finish(const at::Tensor& parameter) const { return at::lerp(parameter, z_, 1 - 1 / kMomentum); }

 private:
  static constexpr double kMomentum = 0.95;
  double largest_rate_ = 0, weight_sum_ = 0;
  at::Tensor z_;
};

}  // namespace saesweep::test
