#include "model/gpt_neox.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include <algorithm>

#include "base/errors.h"
#include "model/attention.h"
#include "model/safetensors.h"

namespace saesweep::model {
namespace {

using Kind = Hookpoint::Kind;

at::Tensor apply(const std::string& activation, const at::Tensor& x) {
  if (activation == "relu") return at::relu_(const_cast<at::Tensor&>(x));
  const bool exact = activation == "gelu" || activation == "gelu_python";
  return at::gelu_(const_cast<at::Tensor&>(x), exact ? "none" : "tanh");
}

//! Hands out the parameters, checked.
class Parameters {
 public:
  Parameters(const GptNeoxConfig& config, const MakeParameter& make) : shapes_(parameter_shapes(config)), make_(make) {}

  at::Tensor operator()(const std::string& name) const {
    const std::vector<int64_t>& shape = shapes_.at(name);
    at::Tensor tensor = make_(name);
    if (tensor.sizes() != at::IntArrayRef(shape)) {
      throw ModelError(name, fmt::format("shape {} found, {} expected", shape_text(tensor.sizes()), shape_text(shape)));
    }
    return tensor;
  }

  //! The parameter, or an undefined tensor where the model has none of that name.
  at::Tensor optional(const std::string& name) const { return shapes_.contains(name) ? (*this)(name) : at::Tensor(); }

 private:
  std::map<std::string, std::vector<int64_t>> shapes_;
  const MakeParameter& make_;
};

MakeParameter copies_of(const TensorMap& tensors, at::ScalarType dtype, at::Device device) {
  return [&tensors, dtype, device](const std::string& name) {
    const auto found = tensors.find(name);
    if (found == tensors.end()) throw ModelError(name, "no such tensor among the model's parameters");
    return found->second.to(device, dtype, false, /*copy=*/true).contiguous();
  };
}

at::Tensor as_rows(const at::Tensor& x, int64_t context) {
  return x.view({-1, context, x.size(-1)});
}

}  // namespace

GptNeox::GptNeox(const GptNeoxConfig& config, const TensorMap& tensors, at::ScalarType dtype, at::Device device)
    : GptNeox(config, copies_of(tensors, dtype, device)) {}

GptNeox::GptNeox(const GptNeoxConfig& config, const MakeParameter& make) : config_(config) {
  const c10::NoGradGuard guard;
  const Parameters parameter(config, make);
  const auto norm = [&](const std::string& name) {
    return LayerNorm{parameter(name + ".weight"), parameter(name + ".bias")};
  };
  const auto linear = [&](const std::string& name) {
    return Linear{parameter(name + ".weight"), parameter.optional(name + ".bias")};
  };
  embedding_ = parameter(kEmbeddingName);
  unembedding_ = config.tied_embeddings ? embedding_ : parameter(kUnembeddingName);
  final_norm_ = norm("gpt_neox.final_layer_norm");
  for (int64_t layer = 0; layer < config.n_layers; ++layer) {
    const std::string name = fmt::format("gpt_neox.layers.{}.", layer);
    blocks_.push_back({norm(name + "input_layernorm"), norm(name + "post_attention_layernorm"),
                       linear(name + "attention.query_key_value"), linear(name + "attention.dense"),
                       linear(name + "mlp.dense_h_to_4h"), linear(name + "mlp.dense_4h_to_h")});
  }
  const int64_t d_head = config.d_model / config.n_heads;
  const auto d_rotary = static_cast<int64_t>(static_cast<double>(d_head) * config.rotary_fraction);
  const auto [cos, sin] = rotary_tables(config.max_context, d_rotary, config.rotary_base, config.rotary_scale);
  cos_ = cos.to(device());
  sin_ = sin.to(device());
}

at::Tensor GptNeox::normalize(const LayerNorm& norm, const at::Tensor& x) const {
  return at::layer_norm(x, {config_.d_model}, norm.weight, norm.bias, config_.layer_norm_eps);
}

at::Tensor GptNeox::attention(const Block& block, const at::Tensor& x, int64_t context) const {
  const at::Tensor qkv =
      at::linear(normalize(block.attention_norm, x), block.query_key_value.weight, block.query_key_value.bias)
          .view({-1, context, config_.n_heads, 3 * (config_.d_model / config_.n_heads)});
  rotate(qkv, cos_, sin_);
  return at::linear(causal_attention(qkv).view(x.sizes()), block.dense.weight, block.dense.bias);
}

at::Tensor GptNeox::mlp(const Block& block, const at::Tensor& x) const {
  const at::Tensor up = at::linear(normalize(block.mlp_norm, x), block.up.weight, block.up.bias);
  return at::linear(apply(config_.activation, up), block.down.weight, block.down.bias);
}

GptNeox::BlockResult GptNeox::run(const Block& block, const at::Tensor& residual, int64_t context,
                                  const BlockResult& given) const {
  BlockResult result;
  result.attention = given.attention.defined() ? given.attention : attention(block, residual, context);
  const at::Tensor between = config_.parallel_residual ? residual : result.attention + residual;
  result.mlp = given.mlp.defined() ? given.mlp : mlp(block, between);
  result.residual = config_.parallel_residual ? (result.mlp + result.attention).add_(residual) : result.mlp + between;
  return result;
}

at::Tensor GptNeox::head(const at::Tensor& residual) const {
  return at::linear(normalize(final_norm_, residual), unembedding_);
}

void GptNeox::check(const Hookpoint& hookpoint) const {
  const bool known = hookpoint.kind == Kind::kEmbedding || (hookpoint.layer >= 0 && hookpoint.layer < config_.n_layers);
  if (!known) {
    throw ModelError("hookpoint", fmt::format("found {}, but the model has {} layers, counted from 0", hookpoint.name(),
                                              config_.n_layers));
  }
}

void GptNeox::check_context(int64_t context) const {
  if (context > config_.max_context) {
    throw ModelError("context_length",
                     fmt::format("rows of {} tokens found, the model takes at most {}", context, config_.max_context));
  }
}

void GptNeox::check_ids(const at::Tensor& ids) const {
  // Ids that are on a device already are checked there, which waits for it; those of the host before they are copied.
  const auto [least, most] = ids.aminmax();
  if (least.item<int64_t>() < 0 || most.item<int64_t>() >= config_.vocab_size) {
    throw ModelError("tokens", fmt::format("ids from {} to {} found, the model's vocabulary has {}",
                                           least.item<int64_t>(), most.item<int64_t>(), config_.vocab_size));
  }
}

at::Tensor GptNeox::embed(const at::Tensor& ids, const ForwardRequest& request) const {
  if (request.embeddings) return request.embeddings->to(device(), dtype(), /*non_blocking=*/true).contiguous();
  check_ids(ids);
  if (device().is_cpu() || !ids.is_cpu()) return at::embedding(embedding_, ids.to(device()));
  // Pinned memory is copied while the host goes on; its allocator keeps it until then.
  return at::embedding(embedding_, ids.pin_memory().to(device(), at::kLong, /*non_blocking=*/true));
}

ForwardResult GptNeox::forward(const at::Tensor& ids, const ForwardRequest& request) const {
  const c10::NoGradGuard guard;
  int64_t n_blocks = request.logits ? config_.n_layers : 0;
  for (const Hookpoint& hookpoint : request.capture) {
    check(hookpoint);
    if (hookpoint.kind != Kind::kEmbedding) n_blocks = std::max(n_blocks, hookpoint.layer + 1);
  }
  ForwardResult result;
  result.captured.resize(request.capture.size());
  const at::Tensor embedded = embed(ids, request);
  const int64_t context = embedded.size(1);
  check_context(context);
  const auto keep = [&](Kind kind, int64_t layer, const at::Tensor& activations) {
    for (size_t i = 0; i < request.capture.size(); ++i) {
      const Hookpoint& wanted = request.capture[i];
      const bool here = wanted.kind == kind && (kind == Kind::kEmbedding || wanted.layer == layer);
      if (here) result.captured[i] = as_rows(activations, context);
    }
  };
  BlockResult state;
  state.residual = embedded.view({-1, config_.d_model});
  keep(Kind::kEmbedding, -1, state.residual);
  for (int64_t layer = 0; layer < n_blocks; ++layer) {
    state = run(blocks_[static_cast<size_t>(layer)], state.residual, context);
    keep(Kind::kAttention, layer, state.attention);
    keep(Kind::kMlp, layer, state.mlp);
    keep(Kind::kResidual, layer, state.residual);
  }
  if (request.logits) result.logits = as_rows(head(state.residual), context);
  return result;
}

at::Tensor GptNeox::as_stream(const at::Tensor& x) const {
  return x.to(device(), dtype()).contiguous().view({-1, config_.d_model});
}

at::Tensor GptNeox::logits_replacing(const Hookpoint& hookpoint, const at::Tensor& x_hat,
                                     const at::Tensor& stream_before) const {
  const c10::NoGradGuard guard;
  check(hookpoint);
  const int64_t context = x_hat.size(1);
  check_context(context);
  at::Tensor stream = as_stream(x_hat);
  if (hookpoint.is_block_output()) {
    const bool is_mlp = hookpoint.kind == Kind::kMlp;
    const BlockResult given{is_mlp ? at::Tensor() : stream, is_mlp ? stream : at::Tensor(), {}};
    stream = run(blocks_[static_cast<size_t>(hookpoint.layer)], as_stream(stream_before), context, given).residual;
  }
  for (int64_t next = hookpoint.layer + 1; next < config_.n_layers; ++next) {
    stream = run(blocks_[static_cast<size_t>(next)], stream, context).residual;
  }
  return as_rows(head(stream), context);
}

}  // namespace saesweep::model
