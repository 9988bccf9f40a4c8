#include "evaluate/next_token_loss.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/sum.h>

namespace saesweep::evaluate {

namespace {

//! Log probabilities of the predictions, [rows * (context - 1), vocab] float32.
at::Tensor log_probs_of(const at::Tensor& logits) {
  const at::Tensor predicting = logits.narrow(1, 0, logits.size(1) - 1).to(at::kFloat);
  return at::log_softmax(predicting.reshape({-1, logits.size(2)}), -1);
}

double cross_entropy_of(const at::Tensor& log_probs, const at::Tensor& targets) {
  return -log_probs.gather(1, targets).sum(at::kDouble).item<double>();
}

}  // namespace

LossSums& LossSums::operator+=(const LossSums& other) {
  n_tokens += other.n_tokens;
  cross_entropy += other.cross_entropy;
  kl += other.kl;
  return *this;
}

CleanPredictions::CleanPredictions(const at::Tensor& logits, const at::Tensor& ids)
    : targets_(ids.narrow(1, 1, ids.size(1) - 1).reshape({-1, 1}).to(logits.device())),
      log_probs_(log_probs_of(logits)),
      probs_(log_probs_.exp()) {}

LossSums CleanPredictions::clean() const {
  return {targets_.size(0), cross_entropy_of(log_probs_, targets_), 0.0};
}

LossSums CleanPredictions::changed(const at::Tensor& logits) const {
  const at::Tensor changed = log_probs_of(logits);
  const at::Tensor divergence = (log_probs_ - changed).mul_(probs_).sum(-1);
  return {targets_.size(0), cross_entropy_of(changed, targets_), divergence.sum(at::kDouble).item<double>()};
}

}  // namespace saesweep::evaluate
