#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "model/config.h"
#include "model/hookpoint.h"
#include "model/parameters.h"

namespace saesweep::model {

//! What a forward pass is to give.
struct ForwardRequest {
  //! Places whose activations are wanted; may be empty, and may name one twice.
  std::vector<Hookpoint> capture = {};
  bool logits = false;
  //! [rows, context, d_model]: stands for the token embeddings (the control variant).
  std::optional<at::Tensor> embeddings = std::nullopt;
};

struct ForwardResult {
  //! In the order of the request, each [rows, context, d_model] in the model's dtype; not to be written into.
  std::vector<at::Tensor> captured;
  //! [rows, context, vocab_size] where asked for, else undefined.
  at::Tensor logits;
};

//! Makes the parameter of a name: a new tensor, in the dtype and on the device that the model computes with.
using MakeParameter = std::function<at::Tensor(const std::string& name)>;

//! The GPT-NeoX transformer (Black et al. 2022), as Pythia and as transformers' modeling_gpt_neox.py, for inference.
//! Rows are full and stand for themselves: positions count from 0 in each, without padding.
//! Equal shapes of ids give equal bits, whatever is captured and whether logits are asked for. Thread-safe once
//! built; runs on as many threads as ATen is set to.
class GptNeox {
 public:
  //! Asks make for each of parameter_shapes(config) once, one after another, and keeps what it gives. Throws ModelError
  //! where a tensor is misshapen.
  GptNeox(const GptNeoxConfig& config, const MakeParameter& make);

  //! Copies tensors to device in dtype. Throws ModelError where one is missing or misshapen.
  GptNeox(const GptNeoxConfig& config, const TensorMap& tensors, at::ScalarType dtype,
          at::Device device = at::Device(at::kCPU));

  const GptNeoxConfig& config() const { return config_; }
  at::ScalarType dtype() const { return embedding_.scalar_type(); }
  at::Device device() const { return embedding_.device(); }

  //! Runs ids, int64 [rows, context], up to the last place asked for. ids may be undefined where embeddings are
  //! given. Throws ModelError for a hookpoint that the model lacks, an id outside the vocabulary, or a context
  //! beyond config().max_context.
  ForwardResult forward(const at::Tensor& ids, const ForwardRequest& request) const;

  //! The logits, [rows, context, vocab_size], that follow when what the model has at hookpoint is x_hat,
  //! [rows, context, d_model], and the rest of the model runs on. stream_before: the residual stream that the block
  //! reads, as captured at hookpoint.before(), of the same shape; read for outputs of attention and MLP alone, else it
  //! may be undefined. With what forward captured at hookpoint, the same bits as forward's logits.
  //! Throws ModelError as forward.
  at::Tensor logits_replacing(const Hookpoint& hookpoint, const at::Tensor& x_hat,
                              const at::Tensor& stream_before = {}) const;

 private:
  //! y = x W^T + b; weight as stored, [out, in].
  struct Linear {
    at::Tensor weight;
    at::Tensor bias;
  };
  struct LayerNorm {
    at::Tensor weight;
    at::Tensor bias;
  };
  struct Block {
    LayerNorm attention_norm, mlp_norm;
    Linear query_key_value, dense, up, down;
  };
  //! What a block adds to the residual stream, and the stream after it; all [rows * context, d_model].
  struct BlockResult {
    at::Tensor attention, mlp, residual;
  };

  at::Tensor embed(const at::Tensor& ids, const ForwardRequest& request) const;
  at::Tensor attention(const Block& block, const at::Tensor& x, int64_t context) const;
  at::Tensor mlp(const Block& block, const at::Tensor& x) const;
  //! given: outputs of attention or MLP that stand for the block's own; undefined ones are computed.
  BlockResult run(const Block& block, const at::Tensor& residual, int64_t context, const BlockResult& given = {}) const;
  //! [rows, context, d_model] as the blocks take it.
  at::Tensor as_stream(const at::Tensor& x) const;
  at::Tensor head(const at::Tensor& residual) const;
  at::Tensor normalize(const LayerNorm& norm, const at::Tensor& x) const;
  void check(const Hookpoint& hookpoint) const;
  void check_ids(const at::Tensor& ids) const;
  void check_context(int64_t context) const;

  GptNeoxConfig config_;
  at::Tensor embedding_;
  at::Tensor unembedding_;
  LayerNorm final_norm_;
  std::vector<Block> blocks_;
  //! Rotary tables, float32 [max_context, d_rotary / 2].
  at::Tensor cos_, sin_;
};

}  // namespace saesweep::model
