#pragma once

#include <cstdint>

namespace saesweep::sae {

//! Latents of a tile: two AVX-512 registers, four of AVX2.
inline constexpr int64_t kTileLatents = 32;

//! Number formats that products are taken in; sums are float32 in all. TF32 (10 bits of fraction) is known to CUDA
//! only; elsewhere it is float32.
enum class Precision { kFloat32, kTf32, kBfloat16 };

//! Multiplies a few tokens by kTileLatents latents, sums held in registers. Both sides are packed: `depth` groups of
//! one element of each of n_tokens tokens, or of each latent; an element is a float, or (is_paired) two bfloat16 of
//! neighbouring inputs. Each product's sum runs over the depth in order, whatever stands beside it in the tile.
struct TileKernel {
  //! Tokens of a tile.
  int64_t n_tokens = 0;
  bool is_paired = false;
  //! sums: [n_tokens, kTileLatents], aligned to 64 bytes as latents is; added to where `adds`, else overwritten.
  void (*run)(const void* tokens, const void* latents, int64_t depth, float* sums, bool adds) = nullptr;
};

//! The fastest kernel that this processor has. Where it has no bfloat16 products, that of float32: to be given values
//! that are rounded to bfloat16.
TileKernel tile_kernel(Precision precision);

}  // namespace saesweep::sae
