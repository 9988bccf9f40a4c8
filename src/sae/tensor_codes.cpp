#include "sae/tensor_codes.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/_embedding_bag_forward_only.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/repeat_interleave.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <stdexcept>

#include "sae/tensor_candidates.h"
#include "sae/tensor_product.h"

namespace saesweep::sae::tensors {

namespace {

constexpr int64_t kWidening = 4;

using Look = std::function<void(const Tile&)>;

//! Keys of the k largest of each token. look sees every tile, too.
at::Tensor top_keys(const Sae& sae, const at::Tensor& centered, Precision precision, int64_t k, const Look& look) {
  TopKeys best(k);
  for_each_tile(sae, centered, precision, 1, [&](const Tile& tile) {
    best.add(tile);
    if (look) look(tile);
  });
  return best.keys();
}

Codes group_max(const Sae& sae, const at::Tensor& centered, Precision precision, const Look& look) {
  const int64_t group = sae.parameters.n_latents() / sae.k;
  at::Tensor best = at::zeros({centered.size(0), sae.k}, centered.options().dtype(at::kLong));
  for_each_tile(sae, centered, precision, group, [&](const Tile& tile) {
    const at::Tensor keys = keys_of(tile.pre, tile.first_latent);
    const int64_t n_groups = std::max<int64_t>(1, keys.size(1) / group);
    at::Tensor room = best.narrow(0, tile.first_token, keys.size(0)).narrow(1, tile.first_latent / group, n_groups);
    room.copy_(at::maximum(room, keys.view({keys.size(0), n_groups, -1}).amax(2)));
    if (look) look(tile);
  });
  return codes_of_keys(best);
}

//! All above thresholds, [1] or [latents].
Codes above(const Sae& sae, const at::Tensor& centered, Precision precision, const at::Tensor& thresholds,
            const Look& look) {
  EntryLists lists;
  for_each_tile(sae, centered, precision, 1, [&](const Tile& tile) {
    const bool is_common = thresholds.size(0) == 1;
    lists.add(tile, tile.pre > (is_common ? thresholds : thresholds.narrow(0, tile.first_latent, tile.pre.size(1))));
    if (look) look(tile);
  });
  return lists.codes(centered.size(0), sae.parameters.n_latents());
}

Codes batch_top_k(const Sae& sae, const at::Tensor& centered, Precision precision, const Look& look) {
  const int64_t n_most = sae.k * centered.size(0);
  EntryLists lists;
  float least = 0;
  for_each_tile(sae, centered, precision, 1, [&](const Tile& tile) {
    lists.add(tile, (tile.pre > 0).logical_and_(tile.pre >= least));
    if (lists.n_entries() > 2 * n_most) least = lists.keep_largest(n_most);
    if (look) look(tile);
  });
  return lists.codes(centered.size(0), sae.parameters.n_latents(), n_most);
}

at::Tensor zero_threshold(const at::Tensor& like) {
  return at::zeros({1}, like.options());
}

//! jumprelu: entries near their thresholds and those above them.
void jump(const Sae& sae, const at::Tensor& centered, const TrainingWants& wants, const Look& look,
          TrainingCodes& codes) {
  const at::Tensor& thresholds = sae.parameters.threshold;
  const Codes all = above(sae, centered, wants.precision, thresholds - wants.band / 2, look);
  const at::Tensor own = thresholds.index_select(0, all.latents);
  codes.active = filtered(all, all.values > own);
  codes.near = filtered(all, (all.values - own).abs() < wants.band / 2);
}

//! Host marks of the latents, 1 for each that is dead, as bool on a device.
at::Tensor marks_on(std::span<const uint8_t> is_dead, at::Device device) {
  auto* marks = const_cast<uint8_t*>(is_dead.data());  // from_blob takes no const pointer; nothing writes to it
  return at::from_blob(marks, {static_cast<int64_t>(is_dead.size())}, at::kByte).to(at::kBool).to(device);
}

}  // namespace

at::Tensor center(const Sae& sae, const at::Tensor& x) {
  return x - sae.parameters.b_dec;
}

Codes encode_centered(const Sae& sae, const at::Tensor& centered, Precision precision) {
  switch (sae.architecture) {
    case Architecture::kTopK:
      return codes_of_keys(top_keys(sae, centered, precision, sae.k, {}));
    case Architecture::kGroupMax:
      return group_max(sae, centered, precision, {});
    case Architecture::kRelu:
      return above(sae, centered, precision, zero_threshold(centered), {});
    case Architecture::kBatchTopK:
    case Architecture::kJumpRelu:
    case Architecture::kMatryoshka:
      return above(sae, centered, precision, sae.parameters.threshold, {});
  }
  throw std::logic_error("architecture without an activation");
}

at::Tensor decode(const Sae& sae, const Codes& codes) {
  return bag_sums(sae.parameters.W_dec, codes.latents, codes.starts, codes.values).add_(sae.parameters.b_dec);
}

TrainingCodes training_codes(const Sae& sae, const at::Tensor& centered, const TrainingWants& wants) {
  TrainingCodes codes;
  std::optional<TopKeys> dead;
  at::Tensor is_dead;
  Look look;
  if (wants.n_dead > 0) {
    dead.emplace(wants.n_dead);
    is_dead = marks_on(wants.is_dead, centered.device());
    look = [&](const Tile& tile) { dead->add(tile, is_dead); };
  }
  switch (sae.architecture) {
    case Architecture::kTopK: {
      const int64_t k = wants.wide ? std::min(kWidening * sae.k, sae.parameters.n_latents()) : sae.k;
      const at::Tensor keys = top_keys(sae, centered, wants.precision, k, look);
      if (wants.wide) codes.wide = codes_of_keys(keys);
      codes.active = codes_of_keys(std::get<0>(keys.topk(std::min(sae.k, keys.size(1)), 1)));
      break;
    }
    case Architecture::kGroupMax:
      codes.active = group_max(sae, centered, wants.precision, look);
      break;
    case Architecture::kRelu:
      codes.active = above(sae, centered, wants.precision, zero_threshold(centered), look);
      break;
    case Architecture::kBatchTopK:
    case Architecture::kMatryoshka:
      codes.active = batch_top_k(sae, centered, wants.precision, look);
      break;
    case Architecture::kJumpRelu:
      jump(sae, centered, wants, look, codes);
      break;
  }
  if (dead) codes.dead = codes_of_keys(dead->keys());
  return codes;
}

at::Tensor tokens_of(const Codes& codes) {
  const at::Tensor counts = codes.starts.diff();
  const at::Tensor tokens = at::arange(codes.n_tokens(), codes.starts.options());
  return at::repeat_interleave(tokens, counts, 0, codes.n_entries());
}

Codes filtered(const Codes& codes, const at::Tensor& keep) {
  const at::Tensor before = at::cat({at::zeros({1}, codes.starts.options()), keep.cumsum(0)});
  return {before.index_select(0, codes.starts), codes.latents.masked_select(keep), codes.values.masked_select(keep)};
}

at::Tensor bag_sums(const at::Tensor& rows, const at::Tensor& places, const at::Tensor& starts,
                    const at::Tensor& weights) {
  constexpr int64_t kSum = 0;
  const std::optional<at::Tensor> factors = weights.defined() ? std::optional(weights) : std::nullopt;
  return std::get<0>(at::_embedding_bag_forward_only(rows, places.to(at::kLong), starts, /*scale_grad_by_freq=*/false,
                                                     kSum, /*sparse=*/false, factors, /*include_last_offset=*/true));
}

}  // namespace saesweep::sae::tensors
