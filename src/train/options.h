#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace saesweep::train {

//! How an SAE is trained.
struct TrainOptions {
  //! Token budget; the whole batches that fit into it are trained.
  int64_t tokens = 100'000'000;
  //! Tokens a step; a multiple of the context length.
  int64_t batch_tokens = 65'536;
  //! "sparsify" (its defaults under Adam).
  std::string recipe = "sparsify";
  //! "adam".
  std::string optimizer = "adam";
  //! Peak learning rate; unset: the recipe's, 2e-4 / sqrt(latents / 2^14).
  std::optional<double> learning_rate;
  //! Steps of linear warm-up, followed by linear decay to zero.
  int64_t warmup_steps = 1000;
  //! Tokens without an activation above 0 after which a latent counts as dead.
  int64_t dead_after_tokens = 10'000'000;
};

}  // namespace saesweep::train
