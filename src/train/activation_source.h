#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "model/gpt_neox.h"
#include "text/token_rows.h"

namespace saesweep::train {

//! What the model makes of some rows of text.
struct ActivationBatch {
  at::Tensor ids;                       //!< int64 [rows, context]
  std::vector<at::Tensor> activations;  //!< by hookpoint: float32 [rows * context, d], contiguous
  at::Tensor logits;                    //!< [rows, context, vocab] where asked for
  //! With logits, by hookpoint, for outputs of attention and MLP: the residual stream that their block reads,
  //! [rows, context, d] in the model's dtype.
  std::map<model::Hookpoint, at::Tensor> streams_before;
};

//! Reads rows of text through a model: one forward pass feeds every SAE of a unit. Views model and rows, which must
//! outlive it.
class ActivationSource {
 public:
  //! noise_seed: set for the control variant, whose embeddings are noise keyed by place in the text.
  ActivationSource(const model::GptNeox& model, const text::TokenRows& rows, std::vector<model::Hookpoint> hookpoints,
                   std::optional<int64_t> noise_seed, int64_t forward_tokens);

  //! Rows of a forward pass, as forward_tokens allows.
  int64_t forward_rows() const { return forward_rows_; }
  const std::vector<model::Hookpoint>& hookpoints() const { return hookpoints_; }
  //! Where activations come to lie.
  at::Device device() const { return model_->device(); }

  //! Activations of these rows, in forward passes of forward_rows() rows each (the last may be smaller).
  ActivationBatch read(std::span<const int64_t> rows) const;

  //! As read, in one forward pass, with logits and what it takes to replace what stands at a hookpoint.
  ActivationBatch read_with_logits(std::span<const int64_t> rows) const;

 private:
  ActivationBatch forward(std::span<const int64_t> rows, bool logits) const;
  at::Tensor noise(std::span<const int64_t> rows) const;

  const model::GptNeox* model_;
  const text::TokenRows* rows_;
  std::vector<model::Hookpoint> hookpoints_;
  std::optional<int64_t> noise_seed_;
  int64_t forward_rows_;
};

}  // namespace saesweep::train
