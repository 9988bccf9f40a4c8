#include "train/text_activations.h"

#include <ATen/ops/cat.h>

#include <algorithm>
#include <numeric>

#include "train/activation_source.h"

namespace saesweep::train {
namespace {

constexpr int64_t kForwardTokens = 1024;

}  // namespace

model::NamedTensors text_activations(const model::GptNeox& model, const text::TokenRows& rows, int64_t n_rows,
                                     const std::vector<model::Hookpoint>& hookpoints, bool logits,
                                     std::optional<int64_t> noise_seed) {
  const ActivationSource source(model, rows, hookpoints, noise_seed, kForwardTokens);
  std::vector<at::Tensor> ids, scores;
  std::vector<std::vector<at::Tensor>> activations(hookpoints.size());
  for (int64_t first = 0; first < n_rows; first += source.forward_rows()) {
    std::vector<int64_t> batch_rows(static_cast<size_t>(std::min(source.forward_rows(), n_rows - first)));
    std::iota(batch_rows.begin(), batch_rows.end(), first);
    const ActivationBatch batch = logits ? source.read_with_logits(batch_rows) : source.read(batch_rows);
    ids.push_back(batch.ids.flatten());
    if (logits) scores.push_back(batch.logits.flatten(0, 1).to(at::kCPU, at::kFloat));
    for (size_t i = 0; i < hookpoints.size(); ++i) activations[i].push_back(batch.activations[i].to(at::kCPU));
  }
  model::NamedTensors tensors = {{"input_ids", at::cat(ids)}};
  if (logits) tensors.emplace_back("logits", at::cat(scores));
  for (size_t i = 0; i < hookpoints.size(); ++i) {
    tensors.emplace_back(hookpoints[i].name(), at::cat(activations[i]));
  }
  return tensors;
}

}  // namespace saesweep::train
