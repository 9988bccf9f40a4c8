#include "train/recipe.h"

#include <fmt/format.h>

#include <cmath>

#include "base/errors.h"
#include "train/schedule.h"

namespace saesweep::train {

namespace {

//! What a recipe says of the settings that may be left open.
struct Defaults {
  int64_t warmup_steps = 1000;
  const char* decay = "linear";
  int64_t n_parts = 1;
  double gradient_clip = 0;
  double auxk_alpha = 0;
  const char* b_dec_start = "mean";
};

[[noreturn]] void refuse(const char* key, const std::string& found, const char* expected) {
  throw InputError(fmt::format("sae.{}", key), fmt::format("found '{}', expected {}", found, expected));
}

Defaults defaults_of(const std::string& recipe) {
  if (recipe == "sparsify") return {};
  if (recipe == "heap2025") return {.n_parts = 8, .gradient_clip = 1, .b_dec_start = "geometric_median"};
  if (recipe == "gao") {
    return {.warmup_steps = 0,
            .decay = "constant",
            .gradient_clip = 1,
            .auxk_alpha = 1.0 / 32,
            .b_dec_start = "geometric_median"};
  }
  refuse("recipe", recipe, "sparsify, heap2025 or gao");
}

//! One of two names, as whether it is the second.
bool is_second(const char* key, const std::string& found, const char* first, const char* second) {
  if (found != first && found != second) refuse(key, found, fmt::format("{} or {}", first, second).c_str());
  return found == second;
}

sae::Precision precision_of(const std::string& name) {
  if (name == "tf32") return sae::Precision::kTf32;
  return is_second("precision", name, "float32", "bfloat16") ? sae::Precision::kBfloat16 : sae::Precision::kFloat32;
}

}  // namespace

double Recipe::rate_at(int64_t step) const {
  if (!decays && step >= warmup_steps) return learning_rate;
  return learning_rate * linear_schedule(step, warmup_steps, decay_steps);
}

Recipe make_recipe(const TrainOptions& options, int64_t n_latents) {
  const Defaults defaults = defaults_of(options.recipe);
  Recipe recipe;
  recipe.optimizer =
      is_second("optimizer", options.optimizer, "adam", "signum") ? Optimizer::kSignum : Optimizer::kAdam;
  const bool signum = recipe.optimizer == Optimizer::kSignum;
  recipe.learning_rate =
      options.learning_rate.value_or(signum ? signum_learning_rate(n_latents) : adam_learning_rate(n_latents));
  if (options.recipe == "gao") recipe.adam_epsilon = 6.25e-10;
  // Schedule-free: neither warm-up nor decay unless asked for.
  recipe.warmup_steps = options.warmup_steps.value_or(signum ? 0 : defaults.warmup_steps);
  recipe.decays =
      !is_second("decay", options.decay.value_or(signum ? "constant" : defaults.decay), "linear", "constant");
  recipe.n_parts = options.gradient_accumulation.value_or(defaults.n_parts);
  if (options.batch_tokens % recipe.n_parts != 0) {
    throw InputError("sae.gradient_accumulation",
                     fmt::format("{} does not divide the {} tokens of a batch", recipe.n_parts, options.batch_tokens));
  }
  if (options.batch_tokens / recipe.n_parts < 2) {
    throw InputError("sae.gradient_accumulation",
                     fmt::format("{} leaves single tokens, which have no variance; expected "
                                 "parts of at least 2 of the {} tokens of a batch",
                                 recipe.n_parts, options.batch_tokens));
  }
  recipe.decay_steps = options.tokens / options.batch_tokens * recipe.n_parts;
  recipe.gradient_clip = options.gradient_clip.value_or(defaults.gradient_clip);
  recipe.auxk_alpha = options.auxk_alpha.value_or(defaults.auxk_alpha);
  recipe.auxk_norm = options.recipe == "gao" ? AuxKNorm::kResidual : AuxKNorm::kVariance;
  recipe.multi_topk = options.multi_topk;
  recipe.starts_from_median =
      is_second("b_dec_start", options.b_dec_start.value_or(defaults.b_dec_start), "mean", "geometric_median");
  recipe.precision = precision_of(options.precision);
  recipe.has_bfloat16_state = is_second("optimizer_state", options.optimizer_state, "float32", "bfloat16");
  return recipe;
}

}  // namespace saesweep::train
