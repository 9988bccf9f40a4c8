#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "config/key.h"
#include "config/scoring_tables.h"
#include "config/setting.h"

namespace saesweep::config {
namespace {

using sweep::SweepOptions;

Key output() {
  const auto kind = path();
  return {.name = "output",
          .meaning = "the folder of results.h5, report and logs",
          .expects = kind.expects,
          .required = true,
          .read = [=](const toml::node& node, SweepOptions& options) { options.output = read_one(kind, node); },
          .write = [=](const SweepOptions& options) { return kind.write(options.output); }};
}

Key held_out() {
  const std::string expects = "paths, or a share of train between 0 and 1";
  return {.name = "held_out",
          .meaning = "text the metrics are taken on: paths like train, or the share of train's documents to hold out",
          .expects = expects,
          .read =
              [=](const toml::node& node, SweepOptions& options) {
                if (!node.is_number()) {
                  options.text.held_out = read_many(path(), node, 1);
                  return;
                }
                const double share = *node.value<double>();
                if (!(share > 0 && share < 1)) {
                  throw BadValue(node, fmt::format("found {}, expected {}", describe(node), expects));
                }
                options.text.held_out_fraction = share;
              },
          .write =
              [](const SweepOptions& options) {
                if (options.text.held_out.empty()) return fmt::format("{}", options.text.held_out_fraction);
                return write_many(path(), options.text.held_out);
              }};
}

Key on_bad_line() {
  const auto kind = one_of({"error", "skip"});
  return {
      .name = "on_bad_line",
      .meaning = "a line of a .jsonl file that has no text: an error, or left out and counted in the results",
      .expects = kind.expects,
      .read = [=](const toml::node& node,
                  SweepOptions& options) { options.text.read.skip_bad_lines = read_one(kind, node) == "skip"; },
      .write =
          [=](const SweepOptions& options) { return kind.write(options.text.read.skip_bad_lines ? "skip" : "error"); }};
}

Table sweep_table() {
  return {"sweep",
          {required(setting<std::string>(
               "name", text(), [](SweepOptions & o) -> auto& { return o.name; }, "the sweep's name in results")),
           output()}};
}

Table model_table() {
  const std::vector<model::Variant> all = {model::Variant::kTrained, model::Variant::kRerandomizedIncl,
                                           model::Variant::kRerandomizedExcl, model::Variant::kStep0,
                                           model::Variant::kControl};
  return {
      "model",
      {axis<std::string>(
           "paths", path_or_hub_name(), [](SweepOptions & o) -> auto& { return o.axes.model_paths; }, {},
           "models: Hugging Face folders, config files, or names in the local hub cache (ORG/NAME@REVISION)"),
       axis<model::Variant>(
           "variants", variant(), [](SweepOptions & o) -> auto& { return o.axes.variants; }, all, "arms of the study"),
       axis<int64_t>(
           "init_seeds", integer_at_least(0), [](SweepOptions & o) -> auto& { return o.axes.init_seeds; }, {0},
           "seeds of re-randomized weights and of the control's noise"),
       axis<sweep::LayerSelection>(
           "layers", layer_selection(), [](SweepOptions & o) -> auto& { return o.axes.layers; },
           {sweep::LayerSelection{}}, "blocks whose activations SAEs are trained on"),
       axis<std::string>(
           "hookpoint", one_of({"residual", "mlp", "attention", "embed"}),
           [](SweepOptions & o) -> auto& { return o.axes.hookpoints; }, {"residual"},
           "where in a block: the residual stream after it, or what a part of it adds; embed ignores layers"),
       setting<bool>(
           "rerandomize_norms", truth(), [](SweepOptions & o) -> auto& { return o.model.rerandomize_norms; },
           "draw LayerNorm weights and biases anew too in the re-randomized variants"),
       setting<std::string>(
           "dtype", one_of({"float32", "bfloat16"}), [](SweepOptions & o) -> auto& { return o.model.dtype; },
           "number format of the forward pass"),
       setting<std::string>(
           "tokenizer", path_or_nothing(), [](SweepOptions & o) -> auto& { return o.model.tokenizer; },
           "tokenizer.json, or the folder it stands in, for all models; \"\": each model's own")}};
}

Table text_table() {
  return {
      "text",
      {required(several<std::string>(
           "train", path(), [](SweepOptions & o) -> auto& { return o.text.train; }, 1,
           "training text: files, folders, globs, or @file with a path a line")),
       held_out(),
       several<std::string>(
           "exclude", path_or_name(), [](SweepOptions & o) -> auto& { return o.text.exclude; }, 0,
           "taken out of train: paths as there, or bare file names and patterns"),
       setting<std::string>(
           "text_key", text(), [](SweepOptions & o) -> auto& { return o.text.read.text_key; },
           "key of the text in the lines of .jsonl files"),
       on_bad_line(),
       setting<int64_t>(
           "bin_row_tokens", integer_at_least(1), [](SweepOptions & o) -> auto& { return o.text.read.bin_row_tokens; },
           "ids a row of .bin files (uint16), each row a document; Pythia's own have 2049"),
       setting<std::string>(
           "store_dir", path_or_nothing(), [](SweepOptions & o) -> auto& { return o.text.store_dir; },
           "folder of the token stores, which sweeps may share; \"\": the output's tokens/"),
       setting<int64_t>(
           "context_length", integer_at_least(1), [](SweepOptions & o) -> auto& { return o.text.context_length; },
           "tokens a row that the model sees at once"),
       setting<int64_t>(
           "data_seed", integer_at_least(0), [](SweepOptions & o) -> auto& { return o.text.data_seed; },
           "seed of the order in which training rows are read")}};
}

Key matryoshka_fractions() {
  const auto kind = positive_number();
  const std::string expects = "rising numbers above 0, the last of them 1";
  return {.name = "matryoshka_fractions",
          .meaning = "matryoshka: shares of the latents that the nested SAEs have",
          .expects = expects,
          .read =
              [=](const toml::node& node, SweepOptions& options) {
                const auto fractions = read_many(kind, node, 1);
                const bool rises =
                    std::adjacent_find(fractions.begin(), fractions.end(), std::greater_equal<>()) == fractions.end();
                if (!rises || fractions.back() != 1) {
                  throw BadValue(node, fmt::format("found {}, expected {}", describe(node), expects));
                }
                options.sae.matryoshka_fractions = fractions;
              },
          .write = [=](const SweepOptions& options) { return write_many(kind, options.sae.matryoshka_fractions); }};
}

Table sae_table() {
  const sae::SaeOptions sae;
  const train::TrainOptions train;
  return {
      "sae",
      {setting<std::string>(
           "load", path_or_nothing(), [](SweepOptions & o) -> auto& { return o.load; },
           "folder of SAEs to evaluate instead of training some, sparsify's or SAELens'; {hookpoint}, {model}, "
           "{variant} and {init_seed} in it are replaced; no other key of [sae] may stand beside it"),
       axis<sae::Architecture>(
           "architecture", architecture(), [](SweepOptions & o) -> auto& { return o.axes.architectures; },
           {sae.architecture}, "kind of SAE"),
       axis<int64_t>(
           "expansion_factor", integer_between(1, kMostExpansion),
           [](SweepOptions & o) -> auto& { return o.axes.expansion_factors; }, {sae.expansion_factor},
           "latents per dimension of the activations"),
       axis<int64_t>(
           "k", integer_at_least(1), [](SweepOptions & o) -> auto& { return o.axes.ks; }, {sae.k},
           "active latents a token, for batch_topk and matryoshka their mean; relu and jumprelu take none"),
       axis<double>(
           "l1_penalty", number_at_least_0(), [](SweepOptions & o) -> auto& { return o.axes.l1_penalties; }, {0.05},
           "relu: weight of the mean L1 norm of the latents, in units of the activations' spread"),
       axis<double>(
           "l0_penalty", number_at_least_0(), [](SweepOptions & o) -> auto& { return o.axes.l0_penalties; }, {0.002},
           "jumprelu: weight of the mean number of active latents"),
       matryoshka_fractions(),
       axis<int64_t>(
           "seeds", integer_at_least(0), [](SweepOptions & o) -> auto& { return o.axes.sae_seeds; }, {0},
           "seeds of the SAEs' first weights"),
       axis<int64_t>(
           "tokens", integer_at_least(1), [](SweepOptions & o) -> auto& { return o.axes.tokens; }, {train.tokens},
           "training tokens; whole batches of them are read"),
       setting<int64_t>(
           "batch_tokens", integer_at_least(1), [](SweepOptions & o) -> auto& { return o.train.batch_tokens; },
           "tokens a step, a multiple of text.context_length"),
       setting<int64_t>(
           "buffer_tokens", integer_at_least(0), [](SweepOptions & o) -> auto& { return o.train.buffer_tokens; },
           "activations permuted at a time, in tokens, a multiple of batch_tokens; 0: as rows come"),
       setting<std::string>(
           "recipe", one_of({"sparsify", "heap2025", "gao"}), [](SweepOptions & o) -> auto& { return o.train.recipe; },
           "how SAEs are trained, where other keys leave it open"),
       setting<std::string>(
           "optimizer", one_of({"adam", "signum"}), [](SweepOptions & o) -> auto& { return o.train.optimizer; },
           "optimizer of the SAEs"),
       setting<std::string>(
           "optimizer_state", one_of({"float32", "bfloat16"}),
           [](SweepOptions & o) -> auto& { return o.train.optimizer_state; },
           "number format of what the optimizer remembers"),
       setting<std::string>(
           "precision", one_of({"float32", "tf32", "bfloat16"}),
           [](SweepOptions & o) -> auto& { return o.train.precision; },
           "number format of the encoder's product in training; tf32 is known to CUDA only"),
       setting<std::optional<double>>(
           "learning_rate", or_recipe(positive_number()),
           [](SweepOptions & o) -> auto& { return o.train.learning_rate; },
           "peak learning rate; the recipe's is 2e-4 / sqrt(latents / 2^14), with signum 5e-3 / sqrt(latents / 2^14)"),
       setting<std::optional<int64_t>>(
           "warmup_steps", or_recipe(integer_at_least(0)),
           [](SweepOptions & o) -> auto& { return o.train.warmup_steps; }, "steps of linear warm-up"),
       setting<std::optional<std::string>>(
           "decay", or_recipe(one_of({"linear", "constant"})), [](SweepOptions & o) -> auto& { return o.train.decay; },
           "the learning rate after the warm-up: linear to zero, or constant"),
       setting<std::optional<int64_t>>(
           "gradient_accumulation", or_recipe(integer_at_least(1)),
           [](SweepOptions & o) -> auto& { return o.train.gradient_accumulation; },
           "parts of a batch whose losses are averaged; divides batch_tokens"),
       setting<std::optional<double>>(
           "gradient_clip", or_recipe(number_at_least_0()),
           [](SweepOptions & o) -> auto& { return o.train.gradient_clip; },
           "most that the gradient's norm may be; 0: anything"),
       setting<std::optional<double>>(
           "auxk_alpha", or_recipe(number_at_least_0()), [](SweepOptions & o) -> auto& { return o.train.auxk_alpha; },
           "weight of the loss of dead latents (AuxK); 0: none"),
       setting<bool>(
           "multi_topk", truth(), [](SweepOptions & o) -> auto& { return o.train.multi_topk; },
           "whether the reconstruction by 4k latents enters the loss of topk, too (MultiTopK)"),
       setting<std::optional<std::string>>(
           "b_dec_start", or_recipe(one_of({"mean", "geometric_median"})),
           [](SweepOptions & o) -> auto& { return o.train.b_dec_start; },
           "what the decoder's bias starts from, of the first part of the first batch"),
       setting<int64_t>(
           "dead_after_tokens", integer_at_least(1),
           [](SweepOptions & o) -> auto& { return o.train.dead_after_tokens; },
           "tokens without an activation after which a latent counts as dead")}};
}

Table evaluate_table() {
  return {"evaluate",
          {setting<int64_t>(
               "tokens", integer_at_least(1), [](SweepOptions & o) -> auto& { return o.evaluate.tokens; },
               "held-out tokens for reconstruction metrics, and as many training tokens"),
           setting<int64_t>(
               "ce_tokens", integer_at_least(1), [](SweepOptions & o) -> auto& { return o.evaluate.ce_tokens; },
               "of these, tokens for cross-entropy and KL")}};
}

Table run_table() {
  return {"run",
          {setting<int64_t>(
               "threads", integer_at_least(1), [](SweepOptions & o) -> auto& { return o.run.threads; },
               "threads a rank computes with"),
           setting<std::string>(
               "device", one_of({"auto", "cpu", "cuda"}), [](SweepOptions & o) -> auto& { return o.run.device; },
               "what ranks compute on; auto: cuda where there is one for every rank, else cpu"),
           setting<int64_t>(
               "cells_per_unit", integer_at_least(0), [](SweepOptions & o) -> auto& { return o.run.cells_per_unit; },
               "most cells that train at the same time on a rank; 0: as planned for the ranks there are"),
           setting<double>(
               "memory_gb", number_at_least_0(), [](SweepOptions & o) -> auto& { return o.run.memory_gb; },
               "memory a rank may use, in 10^9 bytes; 0: its share of the machine's"),
           setting<std::string>(
               "checkpoint_every", checkpoint_every(), [](SweepOptions & o) -> auto& { return o.run.checkpoint_every; },
               "when half-trained SAEs are saved; auto: so that saving takes below 5 % of the time"),
           setting<double>(
               "grace", duration(), [](SweepOptions & o) -> auto& { return o.run.grace_seconds; },
               "time between a signal to stop and the kill that follows; SAEs are saved if that fits")}};
}

}  // namespace

std::vector<Table> tables() {
  return {sweep_table(),    model_table(),      text_table(),  sae_table(),
          evaluate_table(), autointerp_table(), judge_table(), run_table()};
}

}  // namespace saesweep::config
