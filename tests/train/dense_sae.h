#pragma once

#include <ATen/ATen.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "sae/topk_sae.h"

namespace saesweep::test {

//! The recipe written as sparsify writes it (its sparse_coder.py and trainer.py under Adam), with dense products and
//! autograd, in float64. Names of the tensors in all lists: W_enc, b_enc, W_dec, b_dec.
class DenseSae {
 public:
  explicit DenseSae(const sae::TopKSae& sae) : k_(sae.k) {
    const sae::Parameters& p = sae.parameters;
    for (const at::Tensor& tensor : {p.W_enc, p.b_enc, p.W_dec, p.b_dec}) {
      parameters_.push_back(tensor.to(at::kDouble).clone().set_requires_grad(true));
      first_.push_back(at::zeros_like(tensor, at::kDouble));
      second_.push_back(at::zeros_like(tensor, at::kDouble));
    }
  }

  //! Fraction of variance unexplained of x, [tokens, d_in] float64, as a scalar that can be differentiated.
  at::Tensor loss(const at::Tensor& x) const {
    const at::Tensor latents = ((x - parameters_[3]).mm(parameters_[0].t()) + parameters_[1]).relu();
    const auto [values, indices] = latents.topk(k_, -1, /*largest=*/true, /*sorted=*/false);
    const at::Tensor sparse = at::zeros_like(latents).scatter(-1, indices, values);
    const at::Tensor error = sparse.mm(parameters_[2]) + parameters_[3] - x;
    return error.pow(2).sum() / (x - x.mean(0)).pow(2).sum();
  }

  //! Gradients of the loss, the decoder's freed of its part along each row.
  std::vector<at::Tensor> gradients(const at::Tensor& loss) {
    for (at::Tensor& parameter : parameters_) parameter.mutable_grad().reset();
    loss.backward();
    std::vector<at::Tensor> gradients;
    for (const at::Tensor& parameter : parameters_) gradients.push_back(parameter.grad().clone());
    const at::Tensor W_dec = parameters_[2].detach();
    gradients[2] -= (gradients[2] * W_dec).sum(1, /*keepdim=*/true) * W_dec;
    return gradients;
  }

  //! torch.optim.Adam's step, then unit rows. Returns the loss before it.
  double step(const at::Tensor& x, double learning_rate) {
    const at::Tensor fvu = loss(x);
    const std::vector<at::Tensor> gradient = gradients(fvu);
    ++t_;
    for (size_t i = 0; i < parameters_.size(); ++i) {
      first_[i] = 0.9 * first_[i] + 0.1 * gradient[i];
      second_[i] = 0.999 * second_[i] + 0.001 * gradient[i] * gradient[i];
      const at::Tensor mean = first_[i] / (1 - std::pow(0.9, t_));
      const at::Tensor deviation = (second_[i] / (1 - std::pow(0.999, t_))).sqrt();
      parameters_[i] = (parameters_[i].detach() - learning_rate * mean / (deviation + 1e-8)).set_requires_grad(true);
    }
    const at::Tensor W_dec = parameters_[2].detach();
    const at::Tensor norms = W_dec.norm(2, 1, /*keepdim=*/true) + std::numeric_limits<float>::epsilon();
    parameters_[2] = (W_dec / norms).set_requires_grad(true);
    return fvu.item<double>();
  }

  std::vector<at::Tensor> parameters() const {
    std::vector<at::Tensor> detached;
    for (const at::Tensor& parameter : parameters_) detached.push_back(parameter.detach());
    return detached;
  }

 private:
  int64_t k_;
  int t_ = 0;
  std::vector<at::Tensor> parameters_, first_, second_;
};

inline std::vector<at::Tensor> tensors_of(const sae::TopKSae& sae) {
  const sae::Parameters& p = sae.parameters;
  return {p.W_enc, p.b_enc, p.W_dec, p.b_dec};
}

}  // namespace saesweep::test
