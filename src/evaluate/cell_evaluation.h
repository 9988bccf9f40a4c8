#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "evaluate/firings.h"
#include "evaluate/next_token_loss.h"
#include "evaluate/reconstruction.h"
#include "model/gpt_neox.h"
#include "sae/sae.h"

namespace saesweep::evaluate {

//! Losses of the model on one batch with what stands at a hookpoint replaced: the residual stream, or the output of
//! attention or MLP. What SAEs of the same hookpoint share, the losses of zeros, is computed once. Views the model and
//! the batch.
class PatchedLosses {
 public:
  //! By hookpoint, for outputs of attention and MLP: the stream that their block reads, [rows, context, d_in].
  using Streams = std::map<model::Hookpoint, at::Tensor>;

  //! logits: the clean model's on ids, [rows, context, vocab]; null: this batch is not for losses. streams_before:
  //! of the hookpoints to be replaced that are outputs of attention or MLP.
  PatchedLosses(const model::GptNeox& model, const at::Tensor* logits, const at::Tensor& ids,
                const Streams& streams_before);

  bool wanted() const { return clean_.has_value(); }
  LossSums clean() const { return clean_->clean(); }
  //! Losses with what stands at the hookpoint replaced by x_hat, [rows * context, d_in] float32.
  LossSums replaced(const model::Hookpoint& hookpoint, const at::Tensor& x_hat) const;
  //! Losses with it replaced by zeros.
  const LossSums& zeroed(const model::Hookpoint& hookpoint);

 private:
  const model::GptNeox* model_;
  const at::Tensor* ids_;
  const Streams* streams_before_;
  std::optional<CleanPredictions> clean_;
  std::map<model::Hookpoint, LossSums> zeroed_;
};

//! All metrics of one SAE (docs/results.md), summed batch by batch.
class CellEvaluation {
 public:
  explicit CellEvaluation(int64_t n_latents) : firings_(n_latents) {}

  //! A batch of held-out text; x: [rows * context, d_in] float32. Throws NumericError where the reconstruction is
  //! not finite.
  void add_held_out(const sae::Sae& sae, const at::Tensor& x, int64_t context, const model::Hookpoint& hookpoint,
                    PatchedLosses& losses);
  //! A batch of training text, for explained_variance_train.
  void add_train(const sae::Sae& sae, const at::Tensor& x, int64_t context);

  //! Columns of the results file and their values, NaN where undefined.
  std::vector<std::pair<std::string, double>> metrics() const;
  //! Held-out tokens seen.
  int64_t n_tokens() const { return held_out_.n_tokens(); }
  //! Predictions that the losses are means over.
  int64_t n_predictions() const { return clean_.n_tokens; }
  //! Share of held-out tokens on which each latent fires, [n_latents].
  std::vector<float> firing_rates() const { return firings_.firing_rates(); }

 private:
  ReconstructionSums held_out_, train_;
  FiringCounts firings_;
  LossSums clean_, replaced_, zeroed_;
};

}  // namespace saesweep::evaluate
