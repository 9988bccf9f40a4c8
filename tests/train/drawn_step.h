#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "sae/drawn.h"
#include "train/dense_sae.h"
#include "train/objective.h"
#include "train/sparse_update.h"

namespace saesweep::test {

//! A loss of a drawn SAE with unit rows on drawn activations, and one update by its gradients from moments of zero:
//! the moments then show the gradients.
struct DrawnStep {
  static constexpr int64_t kTokens = 150;  // more than two blocks of tokens, the last one not full
  static constexpr int64_t kDIn = 24;
  static constexpr int64_t kLatents = 200;  // likewise for latents; at k 4 some of them never fire
  static constexpr int64_t kActive = 4;

  explicit DrawnStep(sae::Architecture architecture = sae::Architecture::kTopK)
      : sae(drawn_sae(kDIn, kLatents, kActive, architecture)) {
    sae::normalize_rows(sae.parameters.W_dec);
    sae.parameters.b_enc -= 4;
    for (const at::Tensor& tensor : tensors_of(sae)) before.push_back(tensor.clone());
    state = train::SaeState(recipe, sae.parameters);
  }

  double total_variance() const {
    const at::Tensor wide = x.to(at::kDouble);
    return (wide - wide.mean(0)).pow(2).sum().item<double>();
  }
  void take_loss() {
    const auto& dead = dense.is_dead;
    std::vector<uint8_t> is_dead(dead.defined() ? kLatents : 0);
    for (size_t i = 0; i < is_dead.size(); ++i) is_dead[i] = dead[static_cast<int64_t>(i)].item<bool>() ? 1 : 0;
    recipe.multi_topk = dense.multi_topk;
    recipe.auxk_alpha = dense.auxk_alpha;
    recipe.auxk_norm = dense.auxk_by_residual ? train::AuxKNorm::kResidual : train::AuxKNorm::kVariance;
    loss = train::batch_loss(
        sae, x, total_variance(),
        {.recipe = recipe, .penalty = dense.penalty, .bandwidth = dense.bandwidth, .is_dead = is_dead, .share = share});
    for (train::Part& part : loss.parts) part.index = train::LatentIndex(part.codes, kLatents);
  }
  void run() {
    take_loss();
    train::update_parameters(sae, state, step, loss.parts, /*normalizes=*/true);
  }
  std::vector<train::OptimizerState> states() const { return {state.W_enc, state.b_enc, state.W_dec, state.b_dec}; }

  sae::Sae sae;
  at::Tensor x = drawn("x", {kTokens, kDIn});
  DenseLoss dense = {};
  double share = 1;
  train::Recipe recipe = {};
  train::OptimizerStep step = train::OptimizerStep::adam(1, 0.01, 1e-8);
  std::vector<at::Tensor> before = {};
  train::SaeState state = {};
  train::BatchLoss loss = {};
};

inline double largest(const at::Tensor& tensor) {
  return tensor.abs().max().item<double>();
}

}  // namespace saesweep::test
