#include "sae/tensor_product.h"

#include <ATen/Context.h>
#include <ATen/ops/mm.h>

#include <algorithm>

namespace saesweep::sae::tensors {

namespace {

constexpr int64_t kLatentsPerTile = 4096;
constexpr int64_t kTileElements = int64_t{1} << 22;

//! TF32 in products of float32 on CUDA, or not, while it lives.
class ScopedTf32 {
 public:
  explicit ScopedTf32(bool allowed) : before_(at::globalContext().allowTF32CuBLAS()) {
    at::globalContext().setAllowTF32CuBLAS(allowed);
  }
  ~ScopedTf32() { at::globalContext().setAllowTF32CuBLAS(before_); }
  ScopedTf32(const ScopedTf32&) = delete;
  ScopedTf32& operator=(const ScopedTf32&) = delete;

 private:
  bool before_;
};

//! [tokens, latents] float32. (A template, since LibTorch 2.4 has no product of bfloat16 that gives float32.)
template <typename Tensor>
Tensor product(const Tensor& x, const Tensor& weights, Precision precision) {
  if (precision != Precision::kBfloat16) return at::mm(x, weights.t());
  const Tensor narrow = weights.to(at::kBFloat16);
  if constexpr (requires { at::mm(x, narrow.t(), at::kFloat); }) {
    if (x.is_cuda()) return at::mm(x, narrow.t(), at::kFloat);
  }
  // Elsewhere a product of bfloat16 is rounded to it; products of two of them are exact in float32.
  return at::mm(x.to(at::kFloat), narrow.to(at::kFloat).t());
}

//! Latents of the tile that begins at first.
int64_t tile_latents(int64_t first, int64_t n_latents, int64_t group) {
  const int64_t whole = kLatentsPerTile / group * group;
  const int64_t most = whole > 0 ? whole : std::min(kLatentsPerTile, group - first % group);
  return std::min(most, n_latents - first);
}

}  // namespace

void for_each_tile(const Sae& sae, const at::Tensor& centered, Precision precision, int64_t group,
                   const std::function<void(const Tile&)>& take) {
  const ScopedTf32 tf32(precision == Precision::kTf32);
  const Parameters& p = sae.parameters;
  const int64_t n_tokens = centered.size(0);
  const int64_t tokens_per_tile = std::max<int64_t>(1, kTileElements / std::min(kLatentsPerTile, p.n_latents()));
  for (int64_t token = 0; token < n_tokens; token += tokens_per_tile) {
    at::Tensor x = centered.narrow(0, token, std::min(tokens_per_tile, n_tokens - token));
    if (precision == Precision::kBfloat16) x = x.to(at::kBFloat16);
    for (int64_t latent = 0; latent < p.n_latents();) {
      const int64_t n = tile_latents(latent, p.n_latents(), group);
      at::Tensor pre = product(x, p.W_enc.narrow(0, latent, n), precision);
      pre.add_(p.b_enc.narrow(0, latent, n));
      take({token, latent, pre});
      latent += n;
    }
  }
}

}  // namespace saesweep::sae::tensors
