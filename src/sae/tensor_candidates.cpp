#include "sae/tensor_candidates.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/bincount.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/nonzero.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "base/cuda/error.h"
#include "sae/cuda/top_k.h"

namespace saesweep::sae::tensors {

namespace {

constexpr int64_t kMostLatents = std::numeric_limits<int32_t>::max();

//! Where tokens with so many entries begin, int64 [tokens + 1].
at::Tensor starts_of(const at::Tensor& counts) {
  return at::cat({at::zeros({1}, counts.options()), counts.cumsum(0)});
}

//! Merges a tile into the best keys of its tokens by the CUDA kernel; false where there is none for it.
bool merged_on_device([[maybe_unused]] const Tile& tile, [[maybe_unused]] const at::Tensor& marks,
                      [[maybe_unused]] int64_t k, [[maybe_unused]] at::Tensor& best) {
#if defined(SAESWEEP_HAS_CUDA)
  if (!tile.pre.is_cuda() || k > cuda::kMostKeys) return false;
  const int64_t n_tokens = tile.pre.size(0);
  if (!best.defined()) best = at::zeros({n_tokens, k}, tile.pre.options().dtype(at::kLong));
  const auto* bytes = marks.defined() ? reinterpret_cast<const uint8_t*>(marks.const_data_ptr<bool>()) : nullptr;
  saesweep::cuda::check("merge_top_k",
                        cuda::merge_top_k(tile.pre.device().index(), tile.pre.const_data_ptr<float>(), bytes, n_tokens,
                                          tile.pre.size(1), tile.first_latent, k, best.mutable_data_ptr<int64_t>()));
  return true;
#else
  return false;
#endif
}

}  // namespace

at::Tensor keys_of(const at::Tensor& pre, int64_t first_latent) {
  // The bits of a float above 0 rise with it.
  const at::Tensor latents = at::arange(first_latent, first_latent + pre.size(1), pre.options().dtype(at::kLong));
  at::Tensor keys = pre.view(at::kInt).to(at::kLong);
  keys.bitwise_left_shift_(32).add_(kMostLatents - latents);
  return keys.mul_(pre > 0);
}

Codes codes_of_keys(const at::Tensor& keys) {
  const at::Tensor latents = at::where(keys > 0, kMostLatents - keys.bitwise_and(kMostLatents), kMostLatents);
  const auto [rising, order] = latents.sort(1);
  const at::Tensor ordered = keys.gather(1, order);
  const at::Tensor kept = ordered > 0;
  Codes codes;
  codes.starts = starts_of(kept.sum(1));
  codes.latents = rising.masked_select(kept).to(at::kInt);
  codes.values = ordered.masked_select(kept).bitwise_right_shift(32).to(at::kInt).view(at::kFloat);
  return codes;
}

void TopKeys::add(const Tile& tile, const at::Tensor& marks) {
  if (tile.first_latent == 0 && best_.defined()) finished_.push_back(std::exchange(best_, {}));
  const at::Tensor own_marks = marks.defined() ? marks.narrow(0, tile.first_latent, tile.pre.size(1)) : at::Tensor();
  if (merged_on_device(tile, own_marks, k_, best_)) return;
  at::Tensor keys = keys_of(tile.pre, tile.first_latent);
  if (own_marks.defined()) keys.mul_(own_marks);
  at::Tensor largest = std::get<0>(keys.topk(std::min(k_, keys.size(1)), 1, true, /*sorted=*/false));
  if (best_.defined()) largest = at::cat({best_, largest}, 1);
  best_ = largest.size(1) > k_ ? std::get<0>(largest.topk(k_, 1, true, /*sorted=*/false)) : largest;
}

at::Tensor TopKeys::keys() {
  finished_.push_back(best_);
  return at::cat(finished_);
}

void EntryLists::add(const Tile& tile, const at::Tensor& keep) {
  const at::Tensor places = at::nonzero(keep);
  if (places.size(0) == 0 && n_entries_ > 0) return;
  tokens_.push_back(places.select(1, 0) + tile.first_token);
  latents_.push_back(places.select(1, 1) + tile.first_latent);
  values_.push_back(tile.pre.masked_select(keep));
  n_entries_ += places.size(0);
}

void EntryLists::join() {
  for (std::vector<at::Tensor>* list : {&tokens_, &latents_, &values_}) {
    if (list->size() > 1) *list = {at::cat(*list)};
  }
}

float EntryLists::keep_largest(int64_t n) {
  if (n_entries_ < n) return 0;
  join();
  const at::Tensor least = std::get<0>(values_[0].topk(n, 0, true, /*sorted=*/false)).min();
  const at::Tensor keep = values_[0] >= least;
  for (std::vector<at::Tensor>* list : {&tokens_, &latents_, &values_}) (*list)[0] = (*list)[0].masked_select(keep);
  n_entries_ = values_[0].size(0);
  return least.item<float>();
}

Codes EntryLists::codes(int64_t n_tokens, int64_t n_latents, int64_t n_most) {
  join();
  at::Tensor order = (tokens_[0] * n_latents + latents_[0]).argsort();
  if (n_most >= 0 && n_most < n_entries_) {
    const at::Tensor by_size = values_[0].index_select(0, order).argsort(/*stable=*/true, 0, /*descending=*/true);
    order = order.index_select(0, std::get<0>(by_size.narrow(0, 0, n_most).sort()));
  }
  Codes codes;
  codes.starts = starts_of(at::bincount(tokens_[0].index_select(0, order), {}, n_tokens));
  codes.latents = latents_[0].index_select(0, order).to(at::kInt);
  codes.values = values_[0].index_select(0, order);
  return codes;
}

}  // namespace saesweep::sae::tensors
