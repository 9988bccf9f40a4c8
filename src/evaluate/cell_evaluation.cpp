#include "evaluate/cell_evaluation.h"

#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "base/errors.h"
#include "metrics/loss_recovery.h"

namespace saesweep::evaluate {

namespace {

double mean_or_missing(double sum, int64_t n) {
  return n > 0 ? sum / static_cast<double>(n) : std::numeric_limits<double>::quiet_NaN();
}

//! Sums are taken on the host, in float64.
at::Tensor on_host(const at::Tensor& x) {
  return x.to(at::kCPU);
}

void check_finite(const ReconstructionSums& sums) {
  const double mse = sums.all().mse;
  if (!std::isfinite(mse)) throw NumericError(fmt::format("evaluation: mean squared error is {}", mse));
}

}  // namespace

PatchedLosses::PatchedLosses(const model::GptNeox& model, const at::Tensor* logits, const at::Tensor& ids,
                             const Streams& streams_before)
    : model_(&model), ids_(&ids), streams_before_(&streams_before) {
  if (logits != nullptr) clean_.emplace(*logits, ids);
}

LossSums PatchedLosses::replaced(const model::Hookpoint& hookpoint, const at::Tensor& x_hat) const {
  const at::Tensor rows = x_hat.view({ids_->size(0), ids_->size(1), -1});
  const at::Tensor before = hookpoint.is_block_output() ? streams_before_->at(hookpoint) : at::Tensor();
  return clean_->changed(model_->logits_replacing(hookpoint, rows, before));
}

const LossSums& PatchedLosses::zeroed(const model::Hookpoint& hookpoint) {
  const auto found = zeroed_.find(hookpoint);
  if (found != zeroed_.end()) return found->second;
  const at::Tensor zeros = at::zeros({ids_->size(0) * ids_->size(1), model_->config().d_model});
  return zeroed_.emplace(hookpoint, replaced(hookpoint, zeros)).first->second;
}

void CellEvaluation::add_held_out(const sae::Sae& sae, const at::Tensor& x, int64_t context,
                                  const model::Hookpoint& hookpoint, PatchedLosses& losses) {
  const sae::Codes codes = sae::encode(sae, x);
  const at::Tensor x_hat = sae::decode(sae, codes);
  held_out_.add(on_host(x), on_host(x_hat), context);
  check_finite(held_out_);
  firings_.add(codes.to(at::kCPU));
  if (!losses.wanted()) return;
  clean_ += losses.clean();
  replaced_ += losses.replaced(hookpoint, x_hat);
  zeroed_ += losses.zeroed(hookpoint);
}

void CellEvaluation::add_train(const sae::Sae& sae, const at::Tensor& x, int64_t context) {
  train_.add(on_host(x), on_host(sae::decode(sae, sae::encode(sae, x))), context);
}

std::vector<std::pair<std::string, double>> CellEvaluation::metrics() const {
  const Reconstruction all = held_out_.all();
  const Reconstruction rest = held_out_.without_first();
  const double ce_clean = mean_or_missing(clean_.cross_entropy, clean_.n_tokens);
  const double ce_sae = mean_or_missing(replaced_.cross_entropy, replaced_.n_tokens);
  const double ce_zero = mean_or_missing(zeroed_.cross_entropy, zeroed_.n_tokens);
  const double kl_sae = mean_or_missing(replaced_.kl, replaced_.n_tokens);
  const double kl_zero = mean_or_missing(zeroed_.kl, zeroed_.n_tokens);
  return {{"explained_variance", all.explained_variance},
          {"cosine_similarity", all.cosine_similarity},
          {"mse", all.mse},
          {"explained_variance_no_first", rest.explained_variance},
          {"cosine_similarity_no_first", rest.cosine_similarity},
          {"mse_no_first", rest.mse},
          {"explained_variance_train", train_.all().explained_variance},
          {"l0", firings_.l0()},
          {"l1", firings_.l1()},
          {"dead_fraction", firings_.dead_fraction()},
          {"ce_clean", ce_clean},
          {"ce_sae", ce_sae},
          {"ce_zero", ce_zero},
          {"ce_loss_score", metrics::ce_loss_score(ce_clean, ce_sae, ce_zero)},
          {"kl_sae", kl_sae},
          {"kl_zero", kl_zero},
          {"kl_score", metrics::kl_score(kl_sae, kl_zero)}};
}

}  // namespace saesweep::evaluate
