#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "train/activation_source.h"
#include "train/row_order.h"

namespace saesweep::train {

//! Hands out the batches that SAEs train on, one set for all SAEs of a unit. Without a buffer a batch is what the model
//! makes of the next rows of text. With one, blocks of buffer_tokens are read whole, kept in bfloat16 (2 bytes a
//! number: buffer_tokens * d * 2 * hookpoints), and their tokens permuted by a stream keyed by text, data seed and
//! block alone; batches are cut from a block until it is used up, then the next is read. Any batch can be asked for;
//! one of the block at hand costs no forward pass. Views the source, which must outlive it.
class ActivationBuffer {
 public:
  //! batch_tokens: a multiple of the context length; buffer_tokens: 0, or a multiple of batch_tokens. text_hash and
  //! data_seed: as in `order`, which says the rows' order. between_reads is called between the forward passes that fill
  //! a block; what it throws leaves batch(), and the buffer as if it had not been asked.
  ActivationBuffer(const ActivationSource& source, RowOrder order, std::string text_hash, int64_t data_seed,
                   int64_t context, int64_t batch_tokens, int64_t buffer_tokens,
                   std::function<void()> between_reads = {});

  //! Activations of batch `step` (from 0), by hookpoint: float32 [batch_tokens, d], contiguous, on the model's device.
  //! Throws LibTorch's error where the buffer fits neither the device nor host memory.
  std::vector<at::Tensor> batch(int64_t step);

 private:
  void fill(int64_t block);
  //! Room for a block of one hookpoint: on the device, or on the host where that has no room.
  at::Tensor make_room(const at::Tensor& like) const;

  const ActivationSource* source_;
  RowOrder order_;
  std::string text_hash_;
  int64_t data_seed_, context_, batch_tokens_, buffer_tokens_;
  std::function<void()> between_reads_;
  int64_t block_ = -1;
  std::vector<at::Tensor> tokens_;  // by hookpoint: bfloat16 [buffer_tokens, d]
  at::Tensor places_;               // int64 [buffer_tokens]: the permutation
};

}  // namespace saesweep::train
