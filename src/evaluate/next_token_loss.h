#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace saesweep::evaluate {

//! Losses of predictions, sums over predicted tokens, in nats.
struct LossSums {
  int64_t n_tokens = 0;
  double cross_entropy = 0;
  //! KL(clean || changed).
  double kl = 0;

  LossSums& operator+=(const LossSums& other);
};

//! The clean model's predictions of a batch, against which changed ones are held. Every position but the last of a
//! row predicts the next token.
class CleanPredictions {
 public:
  //! logits: [rows, context, vocab]; ids: int64 [rows, context].
  CleanPredictions(const at::Tensor& logits, const at::Tensor& ids);

  //! Losses of the clean predictions themselves (kl 0).
  LossSums clean() const;
  //! Losses of logits of the same shape from the model with something replaced.
  LossSums changed(const at::Tensor& logits) const;

 private:
  at::Tensor targets_;    // [predictions, 1]
  at::Tensor log_probs_;  // [predictions, vocab] float32
  at::Tensor probs_;
};

}  // namespace saesweep::evaluate
