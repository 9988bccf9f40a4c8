#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace saesweep::model {

//! A place in the model whose activations an SAE reads.
struct Hookpoint {
  enum class Kind { kEmbedding, kResidual, kAttention, kMlp };
  Kind kind = Kind::kResidual;
  //! Block, from 0; -1 for the embedding.
  int64_t layer = 0;

  //! `embed_in`, `layers.3` (the residual stream after block 3), `layers.3.attention`, `layers.3.mlp`.
  std::string name() const;
  //! Whether it is what attention or MLP add to the residual stream, not the stream itself.
  bool is_block_output() const { return kind == Kind::kAttention || kind == Kind::kMlp; }
  //! The residual stream that the hookpoint's block reads; of a block's hookpoints only.
  Hookpoint before() const {
    return layer == 0 ? Hookpoint{Kind::kEmbedding, -1} : Hookpoint{Kind::kResidual, layer - 1};
  }
  auto operator<=>(const Hookpoint&) const = default;
};

//! The reverse of name(). Throws InputError.
Hookpoint hookpoint_from(const std::string& name);

//! The kind named in a sweep file: residual, mlp, attention, embed. Throws InputError naming the allowed ones.
Hookpoint::Kind hookpoint_kind_from(const std::string& name);

}  // namespace saesweep::model
