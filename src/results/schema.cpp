#include "results/schema.h"

#include <string>

#include "base/errors.h"
#include "base/suggest.h"

namespace saesweep::results {

namespace {

// Lengths of texts in bytes.
constexpr size_t kIdBytes = 64;
constexpr size_t kNameBytes = 32;
constexpr size_t kPathBytes = 256;
constexpr size_t kReasonBytes = 1024;

Dataset text(std::string_view path, size_t bytes, std::string_view meaning, bool reproducible = true) {
  return {path, Type::kText, bytes, {}, "", meaning, reproducible};
}

Dataset integer(std::string_view path, std::string_view unit, std::string_view meaning) {
  return {path, Type::kInt64, 0, {}, unit, meaning, true};
}

Dataset code(std::string_view path, std::string_view meaning) {
  return {path, Type::kUint8, 0, {}, "", meaning, true};
}

Dataset number(std::string_view path, std::string_view unit, std::string_view meaning) {
  return {path, Type::kFloat64, 0, {}, unit, meaning, true};
}

Dataset timing(std::string_view path, std::string_view unit, std::string_view meaning) {
  return {path, Type::kFloat64, 0, {}, unit, meaning, false};
}

Dataset latents(std::string_view path, Type type, std::string_view unit, std::string_view meaning) {
  return {path, type, 0, {Dimension::kLatents}, unit, meaning, true};
}

Dataset curve(std::string_view path, Type type, std::string_view unit, std::string_view meaning) {
  return {path, type, 0, {Dimension::kPoints}, unit, meaning, true};
}

std::vector<Dataset> identifying_columns() {
  return {
      text("/cells/id", kIdBytes, "train id: hash of all that decides the trained SAE"),
      text("/cells/evaluate_id", kIdBytes, "evaluate id: hash of id and the settings of the evaluation"),
      text("/cells/score_id", kIdBytes,
           "score id: hash of evaluate_id and the settings of the scores; empty without scores"),
      text("/cells/model", kPathBytes,
           "name of the model: of its folder, config file or hub name (and revision, pythia-70m@step3000)"),
      text("/cells/variant", kNameBytes, "trained, rerandomized_incl, rerandomized_excl, step0 or control"),
      integer("/cells/init_seed", "",
              "seed of the re-randomized or drawn tensors, or of the control's noise; -1 where no seed enters"),
      text("/cells/hookpoint", kNameBytes, "module whose output the SAE reads, as layers.3"),
      integer("/cells/layer", "", "layer of the hookpoint, from 0; -1 for the embedding"),
      text("/cells/architecture", kNameBytes, "architecture of the SAE"),
      integer("/cells/expansion_factor", "", "latents per input dimension, rounded down"),
      integer(
          "/cells/k", "latents",
          "active latents a token, for batch_topk and matryoshka their mean; 0 for relu and jumprelu, which take none"),
      number("/cells/penalty", "",
             "weight of the sparsity loss of relu (L1) or jumprelu (L0); NaN for others, and where a loaded SAE does "
             "not say"),
      integer("/cells/sae_seed", "", "seed of the SAE's start; -1 for one that was loaded"),
      integer("/cells/tokens", "tokens", "training tokens asked for; 0 for SAEs that were loaded"),
  };
}

std::vector<Dataset> progress_columns() {
  return {
      code("/cells/state", "0 to come, 1 started, 2 done, 3 failed"),
      code("/cells/stage",
           "last stage whose columns are written: 0 none, 1 trained, 2 evaluated, 3 harvested, 4 scored"),
      text("/cells/failure", kReasonBytes, "why the cell failed; empty otherwise"),
  };
}

std::vector<Dataset> training_columns() {
  return {
      integer("/cells/d_in", "", "input dimensions of the SAE"),
      integer("/cells/n_latents", "latents", "latents of the SAE"),
      integer("/cells/tokens_trained", "tokens", "training tokens seen"),
      number("/cells/train_loss", "", "loss of the last training step"),
      timing("/cells/train_seconds", "s", "time of the cell's own training steps, and its share of the forward passes"),
      timing("/cells/tokens_per_second", "tokens/s", "training tokens per second of train_seconds"),
      text("/cells/host", kIdBytes, "host that trained the cell", false),
      {"/cells/rank", Type::kInt64, 0, {}, "", "rank that trained the cell", false},
  };
}

std::vector<Dataset> reconstruction_columns() {
  return {
      number("/cells/explained_variance", "", "1 - sum (x - x_hat)^2 / sum (x - mean(x))^2 over held-out tokens"),
      number("/cells/cosine_similarity", "", "cosine of x and x_hat, mean over held-out tokens"),
      number("/cells/mse", "activation^2", "squared error, mean over held-out tokens and dimensions"),
      number("/cells/explained_variance_no_first", "", "explained_variance without the first position of each row"),
      number("/cells/cosine_similarity_no_first", "", "cosine_similarity without the first position of each row"),
      number("/cells/mse_no_first", "activation^2", "mse without the first position of each row"),
      number("/cells/explained_variance_train", "", "explained_variance on as many training tokens"),
      number("/cells/l0", "latents", "active latents, mean over held-out tokens"),
      number("/cells/l1", "activation", "L1 norm of the latents, mean over held-out tokens"),
      number("/cells/dead_fraction", "", "share of latents that no held-out token activates"),
  };
}

std::vector<Dataset> loss_columns() {
  return {
      number("/cells/ce_clean", "nats/token", "cross-entropy of the model as it is"),
      number("/cells/ce_sae", "nats/token", "cross-entropy with the hookpoint replaced by the reconstruction"),
      number("/cells/ce_zero", "nats/token", "cross-entropy with the hookpoint replaced by zeros"),
      number("/cells/ce_loss_score", "",
             "(ce_zero - ce_sae) / (ce_zero - ce_clean); NaN where the denominator is below 0.1"),
      number("/cells/kl_sae", "nats/token",
             "KL divergence of the predictions with the reconstruction from the model's own"),
      number("/cells/kl_zero", "nats/token", "KL divergence of the predictions with zeros from the model's own"),
      number("/cells/kl_score", "", "1 - kl_sae / kl_zero"),
      integer("/cells/tokens_evaluated", "tokens", "held-out tokens of the reconstruction metrics"),
      integer("/cells/tokens_ce", "tokens", "held-out tokens of the cross-entropies and KL divergences"),
      timing("/cells/evaluate_seconds", "s", "time of the cell's own evaluation, and its share of the forward passes"),
  };
}

std::vector<Dataset> latent_columns() {
  return {
      latents("/latents/index", Type::kInt32, "", "number of the latent in its SAE; -1 beyond the SAE's latents"),
      latents("/latents/firing_rate", Type::kFloat32, "", "share of held-out tokens that activate the latent"),
  };
}

std::vector<Dataset> curve_columns() {
  return {
      curve("/curves/step", Type::kInt64, "steps", "training step of the point, from 1; -1 beyond the curve's end"),
      curve("/curves/tokens", Type::kInt64, "tokens", "training tokens seen by then; -1 beyond the curve's end"),
      curve("/curves/loss", Type::kFloat64, "", "training loss"),
      curve("/curves/explained_variance", Type::kFloat64, "", "explained variance of the training batch"),
      curve("/curves/l0", Type::kFloat64, "latents", "active latents, mean over the training batch"),
      curve("/curves/dead_fraction", Type::kFloat64, "", "share of latents that the trainer counts as dead"),
      curve("/curves/learning_rate", Type::kFloat64, "", "learning rate of the step"),
  };
}

std::vector<Dataset> make_schema() {
  std::vector<Dataset> all;
  for (const auto& part : {identifying_columns(), progress_columns(), training_columns(), reconstruction_columns(),
                           loss_columns(), latent_columns(), curve_columns()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

}  // namespace

uint64_t Shape::length(Dimension dimension) const {
  switch (dimension) {
    case Dimension::kCells:
      return n_cells;
    case Dimension::kLatents:
      return n_latents;
    case Dimension::kPoints:
      return n_curve_points;
  }
  throw SystemError("results: no such dimension");
}

const std::vector<Dataset>& schema() {
  static const std::vector<Dataset> all = make_schema();
  return all;
}

const Dataset& dataset(std::string_view path) {
  std::vector<std::string> paths;
  for (const Dataset& one : schema()) {
    if (one.path == path) return one;
    paths.emplace_back(one.path);
  }
  throw SystemError("results: no dataset " + std::string(path) + " in the schema; the nearest is " +
                    nearest(path, paths));
}

uint64_t row_elements(const Dataset& dataset, const Shape& shape) {
  uint64_t elements = 1;
  for (const Dimension dimension : dataset.dimensions) elements *= shape.length(dimension);
  return elements;
}

size_t element_bytes(const Dataset& dataset) {
  switch (dataset.type) {
    case Type::kUint8:
      return 1;
    case Type::kInt32:
    case Type::kFloat32:
      return 4;
    case Type::kInt64:
    case Type::kFloat64:
      return 8;
    case Type::kText:
      return dataset.text_bytes;
  }
  throw SystemError("results: no such type");
}

std::string_view type_name(Type type) {
  switch (type) {
    case Type::kUint8:
      return "uint8";
    case Type::kInt32:
      return "int32";
    case Type::kInt64:
      return "int64";
    case Type::kFloat32:
      return "float32";
    case Type::kFloat64:
      return "float64";
    case Type::kText:
      return "text";
  }
  throw SystemError("results: no such type");
}

std::string_view dimension_name(Dimension dimension) {
  switch (dimension) {
    case Dimension::kCells:
      return "cells";
    case Dimension::kLatents:
      return "latents";
    case Dimension::kPoints:
      return "points";
  }
  throw SystemError("results: no such dimension");
}

}  // namespace saesweep::results
