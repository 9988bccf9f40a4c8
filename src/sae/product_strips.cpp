#include "sae/product_strips.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "base/vectorize.h"

namespace saesweep::sae {

namespace {

//! Packed tokens and latents held at a time.
constexpr int64_t kTokenBytes = 32 << 20;
constexpr int64_t kLatentBytes = 8 << 20;
//! Inputs multiplied at a time: a latent's share of a tile stays in the second cache however wide the model is.
constexpr int64_t kDepth = 512;
//! Tokens of a strip, at most; whole tiles.
constexpr int64_t kStripTokens = 128;

uint32_t bfloat16_bits(float x) {
  const auto bits = std::bit_cast<uint32_t>(x);
  if (std::isnan(x)) return 0x7FC0;
  return (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16;
}

//! How both sides are packed: blocks of the depth one after the other, in each the tiles of n rows.
class Packing {
 public:
  Packing(int64_t d, Precision precision, bool is_paired) : d_(d), is_paired_(is_paired) {
    rounds_ = precision == Precision::kBfloat16 && !is_paired;
  }

  //! Elements of a row: inputs, or pairs of them.
  int64_t depth() const { return is_paired_ ? (d_ + 1) / 2 : d_; }
  int64_t n_blocks() const { return (depth() + kDepth - 1) / kDepth; }
  int64_t block_depth(int64_t block) const { return std::min(kDepth, depth() - block * kDepth); }

  //! Packs rows of x, n_rows of them found, into a tile of n_tile rows: [block depth, n_tile] words.
  void pack(const float* x, int64_t n_rows, int64_t n_tile, int64_t block, uint32_t* out) const {
    const int64_t first = block * kDepth, n = block_depth(block);
    if (n_rows < n_tile) std::fill_n(out, n * n_tile, 0U);
    if (is_paired_) {
      for (int64_t row = 0; row < n_rows; ++row) pack_pairs(x + row * d_, first, n, n_tile, out + row);
    } else if (rounds_) {
      for (int64_t row = 0; row < n_rows; ++row) pack_rounded(x + row * d_ + first, n, n_tile, out + row);
    } else {
      pack_floats(x + first, n_rows, n, n_tile, reinterpret_cast<float*>(out));
    }
  }

 private:
  //! In squares of 16, which stay in the first cache whichever way they are crossed.
  void pack_floats(const float* x, int64_t n_rows, int64_t n, int64_t n_tile, float* out) const {
    constexpr int64_t kSquare = 16;
    for (int64_t first = 0; first < n; first += kSquare) {
      const int64_t last = std::min(n, first + kSquare);
      for (int64_t row = 0; row < n_rows; ++row) {
        for (int64_t i = first; i < last; ++i) out[i * n_tile + row] = x[row * d_ + i];
      }
    }
  }

  static void pack_rounded(const float* x, int64_t n, int64_t n_tile, uint32_t* out) {
    for (int64_t i = 0; i < n; ++i) out[i * n_tile] = bfloat16_bits(x[i]) << 16;
  }

  void pack_pairs(const float* x, int64_t first, int64_t n, int64_t n_tile, uint32_t* out) const {
    for (int64_t i = 0; i < n; ++i) {
      const int64_t input = 2 * (first + i);
      const uint32_t high = input + 1 < d_ ? bfloat16_bits(x[input + 1]) : 0U;
      out[i * n_tile] = high << 16 | bfloat16_bits(x[input]);
    }
  }

  int64_t d_;
  bool is_paired_;
  bool rounds_ = false;
};

int64_t rounded_up(int64_t n, int64_t step) {
  return (n + step - 1) / step * step;
}

//! Rows of one side, packed in tiles: [depth blocks, tiles, block depth, n_tile] words of 32 bits.
class PackedRows {
 public:
  PackedRows(const Packing& packing, int64_t n_tile, int64_t most_bytes, int64_t n_rows)
      : packing_(packing), n_tile_(n_tile) {
    const int64_t row_bytes = packing.depth() * static_cast<int64_t>(sizeof(uint32_t));
    capacity_ = std::min(rounded_up(n_rows, n_tile), std::max(n_tile, most_bytes / row_bytes / n_tile * n_tile));
    words_ = at::empty({capacity_ * packing.depth()}, at::kInt);
  }

  //! Rows that fit.
  int64_t capacity() const { return capacity_; }
  int64_t n_tile() const { return n_tile_; }
  int64_t n_tiles() const { return (n_rows_ + n_tile_ - 1) / n_tile_; }
  int64_t first_row() const { return first_row_; }
  int64_t n_rows() const { return n_rows_; }

  //! Holds rows [first, first + n) of x now.
  void fill(const at::Tensor& x, int64_t first, int64_t n) {
    first_row_ = first;
    n_rows_ = n;
    const float* rows = x.const_data_ptr<float>() + first * x.size(1);
    at::parallel_for(0, n_tiles(), 8, [&](int64_t begin, int64_t end) {
      for (int64_t tile = begin; tile < end; ++tile) {
        const int64_t row = tile * n_tile_;
        for (int64_t block = 0; block < packing_.n_blocks(); ++block) {
          packing_.pack(rows + row * x.size(1), std::min(n_tile_, n - row), n_tile_, block,
                        const_cast<uint32_t*>(this->tile(tile, block)));
        }
      }
    });
  }

  const uint32_t* tile(int64_t number, int64_t block) const {
    const auto* words = reinterpret_cast<const uint32_t*>(words_.const_data_ptr<int32_t>());
    return words + (block * kDepth * n_tiles() + number * packing_.block_depth(block)) * n_tile_;
  }

 private:
  Packing packing_;
  int64_t n_tile_;
  int64_t capacity_ = 0;
  int64_t first_row_ = 0, n_rows_ = 0;
  at::Tensor words_;
};

//! All strips of some neighbouring tiles of tokens with the latents that are packed.
void take_strips(const TileKernel& kernel, const Packing& packing, const PackedRows& tokens, const PackedRows& latents,
                 int64_t first_tile, int64_t n_tiles, const std::function<void(const Strip&)>& take) {
  alignas(64) float sums[kStripTokens * kTileLatents];
  const int64_t first = first_tile * kernel.n_tokens;
  Strip strip{.first_token = tokens.first_row() + first,
              .n_tokens = std::min(n_tiles * kernel.n_tokens, tokens.n_rows() - first),
              .products = sums};
  for (int64_t panel = 0; panel < latents.n_tiles(); ++panel) {
    for (int64_t block = 0; block < packing.n_blocks(); ++block) {
      for (int64_t tile = 0; tile < n_tiles; ++tile) {
        kernel.run(tokens.tile(first_tile + tile, block), latents.tile(panel, block), packing.block_depth(block),
                   sums + tile * kernel.n_tokens * kTileLatents, block > 0);
      }
    }
    strip.first_latent = latents.first_row() + panel * kTileLatents;
    strip.n_latents = std::min(kTileLatents, latents.n_rows() - panel * kTileLatents);
    take(strip);
  }
}

}  // namespace

void for_each_strip(const at::Tensor& x, const at::Tensor& W_enc, Precision precision,
                    const std::function<void(const Strip&)>& take) {
  const TileKernel kernel = tile_kernel(precision);
  const Packing packing(x.size(1), precision, kernel.is_paired);
  PackedRows tokens(packing, kernel.n_tokens, kTokenBytes, x.size(0));
  PackedRows latents(packing, kTileLatents, kLatentBytes, W_enc.size(0));
  const int64_t strip_tiles = kStripTokens / kernel.n_tokens;
  for (int64_t token = 0; token < x.size(0); token += tokens.capacity()) {
    tokens.fill(x, token, std::min(tokens.capacity(), x.size(0) - token));
    const int64_t n_strips = (tokens.n_tiles() + strip_tiles - 1) / strip_tiles;
    for (int64_t latent = 0; latent < W_enc.size(0); latent += latents.capacity()) {
      latents.fill(W_enc, latent, std::min(latents.capacity(), W_enc.size(0) - latent));
      at::parallel_for(0, n_strips, 1, [&](int64_t begin, int64_t end) {
        for (int64_t strip = begin; strip < end; ++strip) {
          const int64_t first = strip * strip_tiles;
          take_strips(kernel, packing, tokens, latents, first, std::min(strip_tiles, tokens.n_tiles() - first), take);
        }
      });
    }
  }
}

}  // namespace saesweep::sae
