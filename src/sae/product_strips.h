#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

#include "sae/tile_kernel.h"

namespace saesweep::sae {

//! Products of neighbouring tokens with neighbouring latents.
struct Strip {
  int64_t first_token = 0;
  int64_t n_tokens = 0;
  int64_t first_latent = 0;
  //! At most kTileLatents; what stands beyond them in a row is 0.
  int64_t n_latents = 0;
  //! [n_tokens, kTileLatents]
  const float* products = nullptr;
};

//! Calls take with all products of x, [tokens, d_in], and the rows of W_enc, [latents, d_in], both float32 and
//! contiguous, strip by strip while they are in the cache: they never reach main memory. The strips of a token come in
//! rising order of latents, one at a time; those of other tokens may come on other threads meanwhile. A product's bits
//! depend on its two rows and the precision alone: not on the tokens beside it, nor on the number of threads.
//! Working memory: at most some 40 MB.
void for_each_strip(const at::Tensor& x, const at::Tensor& W_enc, Precision precision,
                    const std::function<void(const Strip&)>& take);

}  // namespace saesweep::sae
