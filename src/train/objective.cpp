#include "train/objective.h"

#include <ATen/TensorOperators.h>

#include <algorithm>
#include <cmath>

#include "sae/training_codes.h"
#include "train/batch_moments.h"

namespace saesweep::train {

namespace {

using sae::Architecture;

constexpr double kMultiTopKWeight = 1.0 / 8;

//! Dead latents that AuxK uses at most.
int64_t most_dead(int64_t d_in) {
  return std::max<int64_t>(1, d_in / 2);
}

int64_t count_dead(std::span<const uint8_t> is_dead) {
  return std::count(is_dead.begin(), is_dead.end(), 1);
}

//! Adds penalty * L1 to the gradients of all values; returns the L1 norm of the codes, mean over tokens.
double add_l1(Part& part, double weight, const Backend& backend) {
  const auto n_tokens = static_cast<double>(part.codes.n_tokens());
  part.d_values.add_(weight / n_tokens);
  return backend.sum_of(part.codes.values) / n_tokens;
}

//! Appends AuxK's part; returns its term of the loss.
double add_auxk(const sae::Sae& sae, sae::Codes dead, double total_variance, double main_weight,
                const ObjectiveOptions& options, std::vector<Part>& parts) {
  const at::Tensor centered = parts.front().centered;
  // Of nested reconstructions the last part's gradient is that of the widest one alone.
  const Part& widest =
      sae.architecture == Architecture::kMatryoshka ? parts[sae.matryoshka_sizes.size() - 1] : parts.front();
  // e = x - x_hat from the gradient of that reconstruction, 2 weight (x_hat - x).
  const at::Tensor residual = widest.d_x_hat * (-1.0 / (2.0 * main_weight));
  double weight = options.recipe.auxk_alpha;
  if (options.recipe.auxk_norm == AuxKNorm::kResidual) {
    const double variance = options.backend.moments_of(residual).total_variance;
    if (!(variance > 0)) return 0;
    weight /= variance;
  } else {
    const auto n_dead = static_cast<double>(count_dead(options.is_dead));
    weight *= std::min(1.0, n_dead / static_cast<double>(most_dead(sae.parameters.d_in()))) / total_variance;
  }
  double squared_error = 0;
  parts.push_back(options.backend.reconstruct(sae, std::move(dead), centered, residual, weight * options.share, false,
                                              squared_error));
  return weight * squared_error;
}

}  // namespace

BatchLoss batch_loss(const sae::Sae& sae, const at::Tensor& x, double total_variance, const ObjectiveOptions& options) {
  const auto n_tokens = static_cast<double>(x.size(0));
  const Backend& backend = options.backend;
  const at::Tensor centered = backend.center(sae, x);
  sae::TrainingWants wants{.wide = options.recipe.multi_topk,
                           .band = static_cast<float>(options.bandwidth),
                           .precision = options.recipe.precision};
  if (options.recipe.auxk_alpha > 0) {
    wants.n_dead = std::min(most_dead(x.size(1)), count_dead(options.is_dead));
    wants.is_dead = options.is_dead;
  }
  sae::TrainingCodes codes = backend.training_codes(sae, centered, wants);
  BatchLoss loss;
  loss.codes = codes.active;
  double squared_error = 0;
  double weight = options.share / total_variance;
  if (sae.architecture == Architecture::kMatryoshka) {
    weight /= static_cast<double>(sae.matryoshka_sizes.size());
    double sum = 0;
    loss.parts = backend.reconstruct_nested(sae, codes.active, centered, x, weight, squared_error, sum);
    loss.loss = sum / total_variance / static_cast<double>(sae.matryoshka_sizes.size());
  } else {
    loss.parts.push_back(backend.reconstruct(sae, codes.active, centered, x, weight, true, squared_error));
    loss.loss = squared_error / total_variance;
  }
  loss.fvu = squared_error / total_variance;
  if (sae.architecture == Architecture::kRelu) {
    const double l1_weight = options.penalty / std::sqrt(total_variance / n_tokens);
    loss.loss += l1_weight * add_l1(loss.parts.front(), options.share * l1_weight, backend);
  }
  if (sae.architecture == Architecture::kJumpRelu) {
    loss.loss += options.penalty * static_cast<double>(codes.active.n_entries()) / n_tokens;
    loss.d_threshold = backend.threshold_gradients(sae, codes.near, loss.parts.front().d_x_hat,
                                                   options.share * options.penalty / n_tokens, options.bandwidth);
  }
  if (wants.n_dead > 0) loss.loss += add_auxk(sae, std::move(codes.dead), total_variance, weight, options, loss.parts);
  if (codes.wide.values.defined()) {
    double wide_error = 0;
    loss.parts.push_back(backend.reconstruct(sae, std::move(codes.wide), centered, x,
                                             kMultiTopKWeight * options.share / total_variance, true, wide_error));
    loss.loss += kMultiTopKWeight * wide_error / total_variance;
  }
  return loss;
}

}  // namespace saesweep::train
