#include "train/tensor_update.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/mv.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "sae/tensor_codes.h"
#include "train/tensor_optimizer.h"

namespace saesweep::train::tensors {

namespace {

constexpr int64_t kBlockElements = int64_t{1} << 22;

//! Latents `first` and on, and the gradients of their parameters.
struct BlockGradient {
  int64_t first = 0;
  at::Tensor W_enc, W_dec;  // [latents, d]
  at::Tensor b_enc;         // [latents]
};

//! A part's firings sorted by latent, with what they weigh, and where the firings of each block begin.
class SortedPart {
 public:
  SortedPart(const Part& part, int64_t block)
      : part_(&part),
        block_(block),
        values_((part.codes.values * part.scale).index_select(0, part.firings.places)),
        d_values_((part.d_values * part.scale).index_select(0, part.firings.places)) {
    const at::Tensor& starts = part.firings.starts;
    block_starts_ = starts.slice(0, 0, starts.size(0), block).to(at::kCPU).contiguous();
  }

  void add_to(BlockGradient& gradient) const {
    const int64_t number = gradient.first / block_;
    const int64_t* starts = block_starts_.const_data_ptr<int64_t>();
    const int64_t begin = starts[number];
    const int64_t end = number + 1 < block_starts_.size(0) ? starts[number + 1] : values_.size(0);
    if (begin == end) return;
    const at::Tensor tokens = part_->firings.tokens.narrow(0, begin, end - begin);
    const at::Tensor bags = part_->firings.starts.narrow(0, gradient.first, gradient.b_enc.size(0) + 1) - begin;
    const at::Tensor d_values = d_values_.narrow(0, begin, end - begin);
    const at::Tensor values = values_.narrow(0, begin, end - begin);
    gradient.W_enc.add_(sae::tensors::bag_sums(part_->centered, tokens, bags, d_values));
    gradient.W_dec.add_(sae::tensors::bag_sums(part_->d_x_hat, tokens, bags, values));
  }

 private:
  const Part* part_;
  int64_t block_;
  at::Tensor values_, d_values_;
  at::Tensor block_starts_;
};

//! Calls work with the gradients of all latents, block by block.
template <typename Work>
void for_each_block(const sae::Sae& sae, std::span<const Part> parts, const at::Tensor& d_b_enc, Work&& work) {
  const sae::Parameters& p = sae.parameters;
  const int64_t d = p.d_in();
  const int64_t block = std::clamp<int64_t>(kBlockElements / d, 1, p.n_latents());
  std::vector<SortedPart> sorted;
  for (const Part& part : parts) sorted.emplace_back(part, block);
  for (int64_t first = 0; first < p.n_latents(); first += block) {
    const int64_t n = std::min(block, p.n_latents() - first);
    BlockGradient gradient{first, at::zeros({n, d}, p.W_enc.options()), at::zeros({n, d}, p.W_enc.options()),
                           d_b_enc.narrow(0, first, n)};
    for (const SortedPart& part : sorted) part.add_to(gradient);
    work(gradient);
  }
}

at::Tensor square_of(const at::Tensor& values) {
  return values.square().sum(at::kDouble);
}

}  // namespace

at::Tensor b_enc_gradient(std::span<const Part> parts) {
  at::Tensor sum;
  for (const Part& part : parts) {
    const at::Tensor terms = (part.d_values * part.scale).unsqueeze(1);
    const at::Tensor own = sae::tensors::bag_sums(terms, part.firings.places, part.firings.starts).squeeze(1);
    sum = sum.defined() ? sum.add_(own) : own;
  }
  return sum;
}

at::Tensor b_dec_gradient(const sae::Sae& sae, std::span<const Part> parts, const at::Tensor& d_b_enc) {
  at::Tensor sum = at::mv(sae.parameters.W_enc.t(), d_b_enc).to(at::kDouble).neg_();
  for (const Part& part : parts) {
    if (part.has_b_dec) sum.add_(part.d_x_hat.sum(0, /*keepdim=*/false, at::kDouble), part.scale);
  }
  return sum;
}

double gradient_norm(const sae::Sae& sae, std::span<const Part> parts, std::span<const float> d_threshold) {
  at::Tensor square = at::zeros({}, sae.parameters.b_dec.options().dtype(at::kDouble));
  const at::Tensor d_b_enc = b_enc_gradient(parts);
  for_each_block(sae, parts, d_b_enc, [&](const BlockGradient& gradient) {
    square.add_(square_of(gradient.W_enc)).add_(square_of(gradient.W_dec));
  });
  double sum = square.add_(square_of(d_b_enc)).add_(square_of(b_dec_gradient(sae, parts, d_b_enc))).item<double>();
  for (const float value : d_threshold) sum += static_cast<double>(value) * value;
  return std::sqrt(sum);
}

void update_parameters(sae::Sae& sae, SaeState& state, const OptimizerStep& step, std::span<const Part> parts,
                       bool normalizes) {
  sae::Parameters& p = sae.parameters;
  const at::Tensor d_b_enc = b_enc_gradient(parts);
  const at::Tensor d_b_dec = b_dec_gradient(sae, parts, d_b_enc);
  for_each_block(sae, parts, d_b_enc, [&](BlockGradient& gradient) {
    at::Tensor rows = p.W_dec.narrow(0, gradient.first, gradient.W_dec.size(0));
    const at::Tensor along = (gradient.W_dec * rows).sum(1, /*keepdim=*/true);
    gradient.W_dec.addcmul_(along, rows, -1);
    update_rows(step, state.W_enc, gradient.first, gradient.W_enc, p.W_enc);
    update_rows(step, state.W_dec, gradient.first, gradient.W_dec, p.W_dec);
    update_rows(step, state.b_enc, gradient.first, gradient.b_enc, p.b_enc);
    if (normalizes) rows.div_(rows.norm(2, 1, /*keepdim=*/true).add_(std::numeric_limits<float>::epsilon()));
  });
  update_rows(step, state.b_dec, 0, d_b_dec.to(at::kFloat), p.b_dec);
}

}  // namespace saesweep::train::tensors
