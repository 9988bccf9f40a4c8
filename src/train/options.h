#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace saesweep::train {

//! How an SAE is trained. What is unset is the recipe's (train/recipe.h).
struct TrainOptions {
  //! Token budget; the whole batches that fit into it are trained.
  int64_t tokens = 100'000'000;
  //! Tokens a step; a multiple of the context length.
  int64_t batch_tokens = 65'536;
  //! Activations mixed at a time, in tokens, a multiple of batch_tokens; 0: as the rows of text come.
  int64_t buffer_tokens = 0;
  //! "sparsify", "heap2025" or "gao".
  std::string recipe = "sparsify";
  //! "adam" or "signum".
  std::string optimizer = "adam";
  //! Number format of the optimizer's state: "float32" or "bfloat16" (rounded at random, by keyed draws).
  std::string optimizer_state = "float32";
  //! Number format of the encoder's product in training: "float32", "bfloat16", or on CUDA "tf32". Weights are float32.
  std::string precision = "float32";
  //! Peak learning rate.
  std::optional<double> learning_rate = {};
  //! Steps of linear warm-up.
  std::optional<int64_t> warmup_steps = {};
  //! What follows it: "linear" (to zero) or "constant".
  std::optional<std::string> decay = {};
  //! Parts of a batch whose losses are averaged, each over its own variance; divides batch_tokens.
  std::optional<int64_t> gradient_accumulation = {};
  //! Largest norm of the gradient; 0: any.
  std::optional<double> gradient_clip = {};
  //! Weight of the auxiliary loss of dead latents (AuxK); 0: none.
  std::optional<double> auxk_alpha = {};
  //! Whether the reconstruction by 4k latents enters the loss, too, at an eighth (MultiTopK).
  bool multi_topk = false;
  //! What b_dec starts from: "mean" or "geometric_median" of the first batch.
  std::optional<std::string> b_dec_start = {};
  //! Tokens without an activation above 0 after which a latent counts as dead.
  int64_t dead_after_tokens = 10'000'000;
};

//! [run] checkpoint_every, read: tokens ("2_000_000", an integer), a time ("10 min", "90 s", "1 h"), "auto" or "never".
struct CheckpointEvery {
  enum class Kind { kAuto, kTokens, kSeconds, kNever };
  Kind kind = Kind::kAuto;
  double amount = 0;
};

//! Throws InputError saying what is allowed.
CheckpointEvery parse_checkpoint_every(const std::string& text);
//! "30 s", "5 min", "2 h" or a number of seconds, for [run] grace. Throws InputError.
double parse_duration(const std::string& text);

}  // namespace saesweep::train
