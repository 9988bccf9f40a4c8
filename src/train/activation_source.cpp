#include "train/activation_source.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "model/variants.h"

namespace saesweep::train {

ActivationSource::ActivationSource(const model::GptNeox& model, const text::TokenRows& rows,
                                   std::vector<model::Hookpoint> hookpoints, std::optional<int64_t> noise_seed,
                                   int64_t forward_tokens)
    : model_(&model),
      rows_(&rows),
      hookpoints_(std::move(hookpoints)),
      noise_seed_(noise_seed),
      forward_rows_(std::max<int64_t>(1, forward_tokens / rows.context_length())) {}

ActivationBatch ActivationSource::read(std::span<const int64_t> rows) const {
  const auto step = static_cast<size_t>(forward_rows_);
  if (rows.size() <= step) return forward(rows, false);
  std::vector<ActivationBatch> parts;
  for (size_t first = 0; first < rows.size(); first += step) {
    parts.push_back(forward(rows.subspan(first, std::min(step, rows.size() - first)), false));
  }
  const auto joined = [&](auto&& member) {
    std::vector<at::Tensor> tensors;
    for (const ActivationBatch& part : parts) tensors.push_back(member(part));
    return at::cat(tensors);
  };
  ActivationBatch batch{joined([](const ActivationBatch& part) { return part.ids; }), {}, {}, {}};
  for (size_t i = 0; i < hookpoints_.size(); ++i) {
    batch.activations.push_back(joined([i](const ActivationBatch& part) { return part.activations[i]; }));
  }
  return batch;
}

ActivationBatch ActivationSource::read_with_logits(std::span<const int64_t> rows) const {
  return forward(rows, true);
}

ActivationBatch ActivationSource::forward(std::span<const int64_t> rows, bool logits) const {
  const int64_t context = rows_->context_length();
  ActivationBatch batch{at::empty({static_cast<int64_t>(rows.size()), context}, at::kLong), {}, {}, {}};
  auto* ids = batch.ids.mutable_data_ptr<int64_t>();
  for (size_t i = 0; i < rows.size(); ++i) {
    rows_->ids(rows[i], {ids + static_cast<int64_t>(i) * context, static_cast<size_t>(context)});
  }
  model::ForwardRequest request{hookpoints_, logits, std::nullopt};
  std::vector<model::Hookpoint> outputs;
  if (logits) std::ranges::copy_if(hookpoints_, std::back_inserter(outputs), &model::Hookpoint::is_block_output);
  for (const model::Hookpoint& output : outputs) request.capture.push_back(output.before());
  if (noise_seed_) request.embeddings = noise(rows);
  model::ForwardResult result = model_->forward(batch.ids, request);
  for (size_t i = 0; i < hookpoints_.size(); ++i) {
    const at::Tensor& captured = result.captured[i];
    batch.activations.push_back(captured.to(at::kFloat).reshape({-1, captured.size(-1)}).contiguous());
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    batch.streams_before[outputs[i]] = result.captured[hookpoints_.size() + i];
  }
  batch.logits = std::move(result.logits);
  return batch;
}

at::Tensor ActivationSource::noise(std::span<const int64_t> rows) const {
  const auto context = static_cast<size_t>(rows_->context_length());
  std::vector<text::TokenOrigin> origins(context);
  std::vector<uint64_t> documents;
  std::vector<uint32_t> positions;
  for (const int64_t row : rows) {
    rows_->origins(row, origins);
    for (const text::TokenOrigin& origin : origins) {
      documents.push_back(origin.document);
      positions.push_back(origin.position);
    }
  }
  return model::control_embeddings(*noise_seed_, documents, positions, static_cast<int64_t>(rows.size()),
                                   rows_->context_length(), model_->config().d_model);
}

}  // namespace saesweep::train
