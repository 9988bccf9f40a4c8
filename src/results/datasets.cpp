#include "results/datasets.h"

#include <string_view>
#include <utility>

namespace saesweep::results {

namespace {

using enum Dimension;

// Lengths of texts in bytes.
constexpr size_t kIdBytes = 64;
constexpr size_t kNameBytes = 32;
constexpr size_t kPathBytes = 256;
constexpr size_t kReasonBytes = 1024;

Dataset column(std::string_view path, Type type, std::string_view unit, std::string_view meaning) {
  return {path, Stage::kNone, type, 0, {kCells}, unit, meaning, true};
}

Dataset text(std::string_view path, size_t bytes, std::string_view meaning) {
  Dataset made = column(path, Type::kText, "", meaning);
  made.text_bytes = bytes;
  return made;
}

Dataset integer(std::string_view path, std::string_view unit, std::string_view meaning) {
  return column(path, Type::kInt64, unit, meaning);
}

Dataset number(std::string_view path, std::string_view unit, std::string_view meaning) {
  return column(path, Type::kFloat64, unit, meaning);
}

Dataset code(std::string_view path, std::string_view meaning) {
  return column(path, Type::kUint8, "", meaning);
}

// What may differ from run to run.
Dataset varying(Dataset made) {
  made.reproducible = false;
  return made;
}

std::vector<Dataset> of_stage(Stage stage, std::vector<Dataset> columns) {
  for (Dataset& one : columns) one.stage = stage;
  return columns;
}

std::vector<Dataset> of_shape(const std::vector<Dimension>& dimensions, std::vector<Dataset> columns) {
  for (Dataset& one : columns) one.dimensions = dimensions;
  return columns;
}

std::vector<Dataset> identifying_columns() {
  return {
      text("/cells/id", kIdBytes, "train id: hash of all that decides the trained SAE"),
      text("/cells/evaluate_id", kIdBytes, "evaluate id: hash of id and the settings of the evaluation"),
      text("/cells/score_id", kIdBytes,
           "score id: hash of evaluate_id and the settings of the scores; empty without scores"),
      text("/cells/model", kPathBytes,
           "name of the model: of its folder, config file or hub name (and revision, pythia-70m@step3000)"),
      text("/cells/variant", kNameBytes,
           "trained, rerandomized_incl, rerandomized_excl, step0 or control; of the toy model superposed, embedding or "
           "gaussian"),
      integer("/cells/init_seed", "",
              "seed of the re-randomized or drawn tensors, or of the control's noise; -1 where no seed enters"),
      text("/cells/hookpoint", kNameBytes,
           "module whose output the SAE reads, as layers.3; of the toy model input or mlp"),
      integer("/cells/layer", "", "layer of the hookpoint, from 0; -1 where it is of no layer"),
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
  return of_stage(
      Stage::kTrained,
      {
          integer("/cells/d_in", "", "input dimensions of the SAE"),
          integer("/cells/n_latents", "latents", "latents of the SAE"),
          integer("/cells/tokens_trained", "tokens", "training tokens seen"),
          number("/cells/train_loss", "", "loss of the last training step"),
          varying(number("/cells/train_seconds", "s",
                         "time of the cell's own training steps, and its share of the forward passes")),
          varying(number("/cells/tokens_per_second", "tokens/s", "training tokens per second of train_seconds")),
          varying(number("/cells/planned_train_seconds", "s",
                         "train_seconds as the cost model counts them, uncalibrated: its share of its unit's")),
          varying(text("/cells/host", kIdBytes, "host that trained the cell")),
          varying(integer("/cells/rank", "", "rank that trained the cell")),
      });
}

std::vector<Dataset> curve_columns() {
  return of_stage(
      Stage::kTrained,
      of_shape(
          {kCells, kPoints},
          {
              column("/curves/step", Type::kInt64, "steps",
                     "training step of the point, from 1; -1 beyond the curve's end"),
              column("/curves/tokens", Type::kInt64, "tokens",
                     "training tokens seen by then; -1 beyond the curve's end"),
              column("/curves/loss", Type::kFloat64, "", "training loss"),
              column("/curves/explained_variance", Type::kFloat64, "", "explained variance of the training batch"),
              column("/curves/l0", Type::kFloat64, "latents", "active latents, mean over the training batch"),
              column("/curves/dead_fraction", Type::kFloat64, "", "share of latents that the trainer counts as dead"),
              column("/curves/learning_rate", Type::kFloat64, "", "learning rate of the step"),
          }));
}

std::vector<Dataset> reconstruction_columns() {
  return of_stage(
      Stage::kEvaluated,
      {
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
      });
}

std::vector<Dataset> sparsity_columns() {
  return of_stage(
      Stage::kEvaluated,
      {
          number("/cells/mmcs", "",
                 "of the toy model: highest cosine of a true feature with a decoder column, mean over true features"),
          number("/cells/l1_sqrt_l2", "activation^0.5",
                 "of the toy model: mean L1 norm of the latents over the root of their mean L2 norm"),
          number("/cells/hoyer", "",
                 "of the toy model: (sqrt(n) - mean L1 norm / mean L2 norm) / (sqrt(n) - 1) of n latents"),
      });
}

std::vector<Dataset> loss_columns() {
  return of_stage(
      Stage::kEvaluated,
      {
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
          varying(number("/cells/evaluate_seconds", "s",
                         "time of the cell's own evaluation, and its share of the forward passes")),
          varying(number("/cells/planned_evaluate_seconds", "s",
                         "evaluate_seconds as the cost model counts them, uncalibrated")),
      });
}

std::vector<Dataset> firing_rate_columns() {
  return of_stage(
      Stage::kEvaluated,
      of_shape({kCells, kAllLatents},
               {
                   column("/all_latents/firing_rate", Type::kFloat32, "",
                          "share of held-out tokens that activate the latent; NaN beyond the SAE's latents"),
               }));
}

std::vector<Dataset> harvest_columns() {
  return of_stage(
      Stage::kHarvested,
      {
          number("/cells/qualifying_share", "",
                 "share of the latents drawn that fire and are silent often enough to be scored"),
          integer("/cells/n_drawn", "latents", "latents drawn, in the order of the seed, until enough qualified"),
          integer("/cells/n_dead", "latents", "of them, those that never fire in the harvested text"),
          integer("/cells/n_rare", "latents", "of them, those that fire in too few windows"),
          integer("/cells/n_dense", "latents", "of them, those that are silent in too few windows"),
          integer("/cells/tokens_harvested", "tokens", "held-out tokens in which windows were sought"),
          integer("/cells/windows_harvested", "windows",
                  "windows among them that count: neither repeated nor with special tokens"),
          integer("/cells/vocabulary", "", "row of /vocabularies/token that names the token ids"),
          number("/cells/token_entropy", "nats", "token_entropy of /latents, mean over the latents there"),
          number("/cells/token_entropy_mm", "nats", "token_entropy_mm of /latents, mean over the latents there"),
          varying(number("/cells/harvest_seconds", "s",
                         "time of the cell's own harvest, and its share of the forward passes")),
          varying(number("/cells/planned_harvest_seconds", "s",
                         "harvest_seconds as the cost model counts them, uncalibrated")),
      });
}

std::vector<Dataset> drawn_columns() {
  return of_stage(
      Stage::kHarvested,
      of_shape({kCells, kAllLatents},
               {
                   code("/all_latents/status",
                        "0 not drawn, 1 qualified, 2 never fires, 3 fires in too few windows, 4 is silent in too few"),
               }));
}

std::vector<Dataset> harvested_latent_columns() {
  return of_stage(
      Stage::kHarvested,
      of_shape(
          {kCells, kLatents},
          {
              column("/latents/index", Type::kInt32, "", "number of the latent in its SAE; -1 where fewer qualified"),
              code("/latents/status", "0 none, 1 qualified, 2 scored, 3 no explanation came"),
              column("/latents/firing_rate", Type::kFloat32, "", "share of harvested tokens that activate the latent"),
              integer("/latents/n_firings", "tokens", "harvested tokens that activate the latent"),
              integer("/latents/n_windows", "windows", "windows in which it fires"),
              number("/latents/token_entropy", "nats",
                     "-sum p ln p, p the share of activation that falls on a token id, over the windows with the "
                     "highest peaks; NaN with fewer windows than asked"),
              number("/latents/token_entropy_mm", "nats", "token_entropy with Miller and Madow's correction"),
              integer("/latents/n_active_tokens", "", "tokens of these windows that activate the latent"),
          }));
}

std::vector<Dataset> peak_columns() {
  return of_stage(
      Stage::kHarvested,
      of_shape({kCells, kLatents, kQuantileEdges},
               {
                   column("/latents/peak_quantiles", Type::kFloat32, "activation",
                          "quantiles 0, 0.1 to 1 of the peaks of windows drawn at random where the latent fires"),
               }));
}

std::vector<Dataset> example_columns() {
  return of_stage(
      Stage::kHarvested,
      of_shape({kCells, kLatents, kExamples},
               {
                   column("/examples/kind", Type::kInt8, "",
                          "0 of the highest peaks, highest first, 1 another firing window, 2 silent; -1 none"),
                   integer("/examples/row", "", "row of the held-out text that the window stands in"),
                   column("/examples/start", Type::kInt32, "tokens", "first token of the window in its row"),
               }));
}

std::vector<Dataset> window_columns() {
  return of_stage(Stage::kHarvested,
                  of_shape({kCells, kLatents, kExamples, kWindow},
                           {
                               column("/examples/token", Type::kInt32, "", "token id"),
                               column("/examples/activation", Type::kFloat32, "activation", "activation of the latent"),
                           }));
}

std::vector<Dataset> vocabulary_columns() {
  return of_shape({kVocabularies, kTokens}, {
                                                text("/vocabularies/token", kNameBytes, "text of the token of that id"),
                                            });
}

std::vector<Dataset> grid_columns() {
  return of_shape({kGrid},
                  {
                      text("/grid/id", kIdBytes,
                           "train ids of all cells of the sweep, in its order; the file may hold a shard of them"),
                      text("/grid/evaluate_id", kIdBytes, "evaluate ids of these cells"),
                      text("/grid/score_id", kIdBytes, "score ids of these cells; empty without scores"),
                      text("/grid/settings", kPathBytes, "settings of these cells, for people to read"),
                  });
}

std::vector<Dataset> score_columns() {
  return of_stage(
      Stage::kScored,
      {
          integer("/cells/n_scored", "latents", "latents with an explanation and a score"),
          number("/cells/fuzz_auroc", "", "fuzz_auroc of /latents, mean over the latents scored"),
          number("/cells/fuzz_auroc_pooled", "", "AUROC of fuzzing over all predictions of the cell together"),
          number("/cells/fuzz_auroc_null", "", "fuzz_auroc_null of /latents, mean over the latents that have one"),
          number("/cells/fuzz_balanced_accuracy", "",
                 "fuzz_balanced_accuracy of /latents, mean over the latents scored"),
          number("/cells/detection_auroc", "", "detection_auroc of /latents, mean over the latents scored"),
          number("/cells/detection_auroc_pooled", "", "AUROC of detection over all predictions of the cell together"),
          number("/cells/detection_auroc_null", "",
                 "detection_auroc_null of /latents, mean over the latents that have one"),
          number("/cells/detection_balanced_accuracy", "",
                 "detection_balanced_accuracy of /latents, mean over the latents scored"),
          number("/cells/simulation_correlation", "",
                 "simulation_correlation of /latents, mean over the latents scored"),
          number("/cells/simulation_correlation_null", "",
                 "simulation_correlation_null of /latents, mean over the latents that have one"),
          integer("/cells/n_judged", "", "examples with an answer"),
          integer("/cells/n_missing", "", "examples without one"),
          integer("/cells/n_unparsable", "", "of the missing ones, those whose reply could not be read"),
          text("/cells/judge", kPathBytes, "kind of the judge, and its model"),
          varying(number("/cells/judge_seconds", "s", "time from the first request of the cell to its last reply")),
      });
}

std::vector<Dataset> scored_latent_columns() {
  return of_stage(
      Stage::kScored,
      of_shape(
          {kCells, kLatents},
          {
              number("/latents/fuzz_auroc", "",
                     "AUROC of the judge's probability that an example is marked rightly, ties counted half"),
              number("/latents/fuzz_auroc_null", "", "the same under the explanation of another latent"),
              number("/latents/fuzz_balanced_accuracy", "",
                     "mean of the shares of right and of wrong examples that the judge answered rightly"),
              number("/latents/detection_auroc", "",
                     "AUROC of the judge's probability that an example activates the latent, ties counted half"),
              number("/latents/detection_auroc_null", "", "the same under the explanation of another latent"),
              number("/latents/detection_balanced_accuracy", "",
                     "mean of the shares of firing and of silent examples that the judge answered rightly"),
              number("/latents/simulation_correlation", "",
                     "Pearson correlation of simulated and true activations over all simulated tokens"),
              number("/latents/simulation_correlation_null", "", "the same under the explanation of another latent"),
              integer("/latents/n_judged", "", "examples with an answer"),
              integer("/latents/n_missing", "", "examples without one"),
              integer("/latents/n_unparsable", "", "of the missing ones, those whose reply could not be read"),
              integer("/latents/null_of", "",
                      "which latent, by its place in /latents, gave the other explanation; -1 none"),
              text("/latents/explanation", kReasonBytes, "what the judge said the examples have in common"),
          }));
}

std::vector<Dataset> quantile_columns() {
  return of_stage(Stage::kScored,
                  of_shape({kCells, kLatents, kQuantiles},
                           {
                               number("/latents/simulation_quantile_correlation", "",
                                      "simulation_correlation within each tenth of the windows by their peaks"),
                           }));
}

std::vector<Dataset> prediction_columns() {
  return of_stage(
      Stage::kScored,
      of_shape(
          {kCells, kLatents, kPredictions},
          {
              column("/predictions/fuzz_probability", Type::kFloat32, "",
                     "the judge's probability that the example is marked rightly; NaN missing"),
              column("/predictions/fuzz_answer", Type::kInt8, "", "the judge's answer, 0 or 1; -1 missing"),
              column("/predictions/fuzz_truth", Type::kInt8, "", "1 marked rightly, 0 wrongly; -1 no example"),
              column("/predictions/fuzz_example", Type::kInt32, "", "place of its window in /examples; -1 no example"),
              integer("/predictions/fuzz_marks", "", "bit i set: token i of the window is marked; -1 no example"),
              column("/predictions/detection_probability", Type::kFloat32, "",
                     "the judge's probability that the example activates the latent; NaN missing"),
              column("/predictions/detection_answer", Type::kInt8, "", "the judge's answer, 0 or 1; -1 missing"),
              column("/predictions/detection_truth", Type::kInt8, "", "1 firing, 0 silent; -1 no example"),
              column("/predictions/detection_example", Type::kInt32, "",
                     "place of its window in /examples; -1 no example"),
          }));
}

std::vector<Dataset> null_prediction_columns() {
  return of_stage(
      Stage::kScored,
      of_shape(
          {kCells, kNullLatents, kPredictions},
          {
              column("/predictions/fuzz_null_probability", Type::kFloat32, "",
                     "fuzz_probability of the same examples under another latent's explanation"),
              column("/predictions/fuzz_null_answer", Type::kInt8, "", "fuzz_answer under that explanation"),
              column("/predictions/detection_null_probability", Type::kFloat32, "",
                     "detection_probability of the same examples under another latent's explanation"),
              column("/predictions/detection_null_answer", Type::kInt8, "", "detection_answer under that explanation"),
          }));
}

}  // namespace

std::vector<Dataset> all_datasets() {
  std::vector<Dataset> all;
  for (auto* part : {identifying_columns,
                     progress_columns,
                     training_columns,
                     curve_columns,
                     reconstruction_columns,
                     sparsity_columns,
                     loss_columns,
                     firing_rate_columns,
                     harvest_columns,
                     drawn_columns,
                     harvested_latent_columns,
                     peak_columns,
                     example_columns,
                     window_columns,
                     vocabulary_columns,
                     grid_columns,
                     score_columns,
                     scored_latent_columns,
                     quantile_columns,
                     prediction_columns,
                     null_prediction_columns}) {
    for (Dataset& one : part()) all.push_back(std::move(one));
  }
  return all;
}

}  // namespace saesweep::results
