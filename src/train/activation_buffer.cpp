#include "train/activation_buffer.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/index_select.h>

#include <algorithm>
#include <utility>

#include "base/random.h"
#include "model/compute.h"

namespace saesweep::train {

ActivationBuffer::ActivationBuffer(const ActivationSource& source, RowOrder order, std::string text_hash,
                                   int64_t data_seed, int64_t context, int64_t batch_tokens, int64_t buffer_tokens,
                                   std::function<void()> between_reads)
    : source_(&source),
      order_(std::move(order)),
      text_hash_(std::move(text_hash)),
      data_seed_(data_seed),
      context_(context),
      batch_tokens_(batch_tokens),
      buffer_tokens_(buffer_tokens),
      between_reads_(std::move(between_reads)) {}

std::vector<at::Tensor> ActivationBuffer::batch(int64_t step) {
  if (buffer_tokens_ == 0) {
    const int64_t rows = batch_tokens_ / context_;
    return source_->read(order_.rows(step * rows, rows)).activations;
  }
  const int64_t first = step * batch_tokens_;
  if (first / buffer_tokens_ != block_) fill(first / buffer_tokens_);
  const at::Tensor places = places_.narrow(0, first % buffer_tokens_, batch_tokens_);
  std::vector<at::Tensor> activations;
  for (const at::Tensor& tokens : tokens_) {
    const at::Tensor picked = at::index_select(tokens, 0, places.to(tokens.device()));
    activations.push_back(picked.to(source_->device(), at::kFloat));
  }
  return activations;
}

at::Tensor ActivationBuffer::make_room(const at::Tensor& like) const {
  const std::vector<int64_t> shape = {buffer_tokens_, like.size(1)};
  try {
    return at::empty(shape, like.options().dtype(at::kBFloat16));
  } catch (const std::exception& error) {
    if (like.is_cpu() || !model::is_out_of_memory(error)) throw;
    return at::empty(shape, at::kBFloat16);
  }
}

void ActivationBuffer::fill(int64_t block) {
  block_ = -1;
  const int64_t n_rows = buffer_tokens_ / context_;
  for (int64_t row = 0; row < n_rows; row += source_->forward_rows()) {
    if (between_reads_) between_reads_();
    const int64_t n = std::min(source_->forward_rows(), n_rows - row);
    const ActivationBatch read = source_->read(order_.rows(block * n_rows + row, n));
    for (size_t i = 0; i < read.activations.size(); ++i) {
      if (tokens_.size() <= i) tokens_.push_back(make_room(read.activations[i]));
      tokens_[i].narrow(0, row * context_, n * context_).copy_(read.activations[i]);
    }
  }
  const auto order =
      permutation(static_cast<uint64_t>(buffer_tokens_), Stream{"buffer order", text_hash_, data_seed_, block});
  places_ = at::empty({buffer_tokens_}, at::kLong);
  std::copy(order.begin(), order.end(), places_.mutable_data_ptr<int64_t>());
  block_ = block;
}

}  // namespace saesweep::train
