#pragma once

#include <ATen/ATen.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "sae/dense_codes.h"
#include "train/dense_optimizer.h"

namespace saesweep::test {

//! Which loss a dense SAE has.
struct DenseLoss {
  double penalty = 0;
  double bandwidth = 0;
  bool multi_topk = false;
  double auxk_alpha = 0;
  bool auxk_by_residual = false;
  //! [latents] bool.
  at::Tensor is_dead = {};
};

//! All tensors of an SAE: W_enc, b_enc, W_dec, b_dec, and the threshold where there is one.
inline std::vector<at::Tensor> tensors_of(const sae::Sae& sae) {
  const sae::Parameters& p = sae.parameters;
  std::vector<at::Tensor> tensors = {p.W_enc, p.b_enc, p.W_dec, p.b_dec};
  if (p.threshold.defined()) tensors.push_back(p.threshold);
  return tensors;
}

//! SAE and loss written as the papers and sparsify have them (its sparse_coder.py and trainer.py), with dense products
//! and autograd, in float64. Lists of tensors are ordered as in tensors_of.
class DenseSae {
 public:
  explicit DenseSae(sae::Sae sae, DenseLoss options = {}) : sae_(std::move(sae)), options_(std::move(options)) {
    for (const at::Tensor& tensor : tensors_of(sae_)) {
      parameters_.push_back(tensor.to(at::kDouble).clone().set_requires_grad(true));
    }
  }

  //! The whole loss of x, [tokens, d_in] float64, as a scalar that can be differentiated.
  at::Tensor loss(const at::Tensor& x) const {
    const at::Tensor pre = pre_of(x);
    const at::Tensor active = active_of(pre.detach());
    const at::Tensor variance = (x - x.mean(0)).pow(2).sum();
    const at::Tensor latents = pre * active;
    at::Tensor total = reconstruction_loss(latents + through_threshold(pre), x) / variance;
    const auto n_tokens = static_cast<double>(x.size(0));
    if (sae_.architecture == sae::Architecture::kRelu) {
      total = total + options_.penalty * latents.sum() / n_tokens / (variance / n_tokens).sqrt();
    }
    if (sae_.architecture == sae::Architecture::kJumpRelu) {
      total = total + options_.penalty * l0(pre, active) / n_tokens;
    }
    if (options_.multi_topk) {
      const at::Tensor wide = pre * largest_of_rows(pre.detach(), 4 * sae_.k);
      total = total + squared_error(wide, x) / variance / 8;
    }
    if (options_.auxk_alpha > 0) total = total + auxk(pre, decode(latents), x, variance);
    return total;
  }

  //! Gradients of a loss.
  std::vector<at::Tensor> gradients(const at::Tensor& loss) {
    for (at::Tensor& parameter : parameters_) parameter.mutable_grad().reset();
    loss.backward();
    std::vector<at::Tensor> gradients;
    for (const at::Tensor& parameter : parameters_) {
      gradients.push_back(parameter.grad().defined() ? parameter.grad().clone() : at::zeros_like(parameter));
    }
    return gradients;
  }

  //! The decoder's gradient less its part along each row.
  at::Tensor across_rows(const at::Tensor& gradient) const {
    const at::Tensor W_dec = parameters_[2].detach();
    return gradient - (gradient * W_dec).sum(1, /*keepdim=*/true) * W_dec;
  }

  //! The gradients of the mean loss of n_parts parts of x, scaled to norm clip after each part as ThomasHeap/sae does
  //! (0: never). loss receives the mean.
  std::vector<at::Tensor> accumulated(const at::Tensor& x, int64_t n_parts, double clip, double& mean_loss) {
    std::vector<at::Tensor> sum;
    mean_loss = 0;
    for (const at::Tensor& part : x.chunk(n_parts)) {
      const at::Tensor share = loss(part) / n_parts;
      mean_loss += share.item<double>();
      const std::vector<at::Tensor> gradient = gradients(share);
      for (size_t i = 0; i < gradient.size(); ++i) {
        if (sum.size() == i) sum.push_back(at::zeros_like(gradient[i]));
        sum[i] = sum[i] + gradient[i];
      }
      const double factor = clip > 0 ? std::min(1.0, clip / (norm(sum) + 1e-6)) : 1.0;
      for (at::Tensor& tensor : sum) tensor = tensor * factor;
    }
    return sum;
  }

  static double norm(const std::vector<at::Tensor>& tensors) {
    double square = 0;
    for (const at::Tensor& tensor : tensors) square += tensor.pow(2).sum().item<double>();
    return std::sqrt(square);
  }

  //! One step of each tensor's optimizer. Unit rows follow where they are asked for. Returns the mean loss before it.
  template <typename Optimizer>
  double step(std::vector<Optimizer>& optimizers, const at::Tensor& x, double learning_rate, bool normalizes = true,
              int64_t n_parts = 1, double clip = 0) {
    double mean_loss = 0;
    std::vector<at::Tensor> gradient = accumulated(x, n_parts, clip, mean_loss);
    gradient[2] = across_rows(gradient[2]);
    for (size_t i = 0; i < optimizers.size(); ++i) {
      set(i, optimizers[i].step(parameters_[i].detach(), gradient[i], learning_rate));
    }
    if (normalizes) {
      const at::Tensor W_dec = parameters_[2].detach();
      set(2, W_dec / (W_dec.norm(2, 1, /*keepdim=*/true) + std::numeric_limits<float>::epsilon()));
    }
    return mean_loss;
  }

  //! Optimizers of W_enc, b_enc, W_dec and b_dec.
  template <typename Optimizer>
  std::vector<Optimizer> optimizers() const {
    std::vector<Optimizer> all;
    for (size_t i = 0; i < 4; ++i) all.emplace_back(parameters_[i].detach());
    return all;
  }
  template <typename Optimizer>
  void finish(const std::vector<Optimizer>& optimizers) {
    for (size_t i = 0; i < optimizers.size(); ++i) set(i, optimizers[i].finish(parameters_[i].detach()));
  }

  std::vector<at::Tensor> parameters() const {
    std::vector<at::Tensor> detached;
    for (const at::Tensor& parameter : parameters_) detached.push_back(parameter.detach());
    return detached;
  }

 private:
  void set(size_t i, const at::Tensor& tensor) { parameters_[i] = tensor.detach().clone().set_requires_grad(true); }
  at::Tensor pre_of(const at::Tensor& x) const { return (x - parameters_[3]).mm(parameters_[0].t()) + parameters_[1]; }
  at::Tensor decode(const at::Tensor& latents) const { return latents.mm(parameters_[2]) + parameters_[3]; }
  at::Tensor squared_error(const at::Tensor& latents, const at::Tensor& x) const {
    return (x - decode(latents)).pow(2).sum();
  }
  at::Tensor active_of(const at::Tensor& pre) const {
    if (sae_.architecture == sae::Architecture::kJumpRelu) return pre.gt(parameters_[4].detach());
    return dense_active_in_training(sae_, pre);
  }
  at::Tensor reconstruction_loss(const at::Tensor& latents, const at::Tensor& x) const {
    if (sae_.matryoshka_sizes.empty()) return squared_error(latents, x);
    at::Tensor sum = at::zeros({}, at::kDouble);
    for (const int64_t size : sae_.matryoshka_sizes) {
      sum = sum + squared_error(latents * at::arange(latents.size(1)).lt(size), x);
    }
    return sum / static_cast<double>(sae_.matryoshka_sizes.size());
  }
  //! The rectangular kernel of Rajamanoharan et al. 2024 over the band about the thresholds, less its width.
  at::Tensor kernel(const at::Tensor& pre) const {
    return (pre.detach() - parameters_[4].detach()).abs().lt(options_.bandwidth / 2).to(at::kDouble) /
           options_.bandwidth;
  }
  //! 0, with the gradient of JumpReLU with respect to its thresholds (eq. 11): -threshold * kernel.
  at::Tensor through_threshold(const at::Tensor& pre) const {
    if (sae_.architecture != sae::Architecture::kJumpRelu) return at::zeros({}, at::kDouble);
    const at::Tensor& threshold = parameters_[4];
    return -threshold.detach() * kernel(pre) * (threshold - threshold.detach());
  }
  //! The number of active latents, with the gradient of eq. 12: -kernel.
  at::Tensor l0(const at::Tensor& pre, const at::Tensor& active) const {
    const at::Tensor& threshold = parameters_[4];
    return (active.to(at::kDouble) - kernel(pre) * (threshold - threshold.detach())).sum();
  }
  at::Tensor auxk(const at::Tensor& pre, const at::Tensor& x_hat, const at::Tensor& x,
                  const at::Tensor& variance) const {
    const at::Tensor e = (x - x_hat).detach();
    const int64_t n_dead = options_.is_dead.sum().item<int64_t>();
    const int64_t most = x.size(1) / 2;
    const at::Tensor of_dead = at::where(options_.is_dead, pre.detach(), -1.0);
    const at::Tensor e_hat = (pre * largest_of_rows(of_dead, std::min(most, n_dead))).mm(parameters_[2]);
    const at::Tensor square = options_.auxk_alpha * (e - e_hat).pow(2).sum();
    if (options_.auxk_by_residual) return square / (e - e.mean(0)).pow(2).sum();
    return square * std::min(1.0, static_cast<double>(n_dead) / static_cast<double>(most)) / variance;
  }

  sae::Sae sae_;
  DenseLoss options_;
  std::vector<at::Tensor> parameters_;
};

}  // namespace saesweep::test
