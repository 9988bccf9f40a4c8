#include "config/toy_file.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <cmath>
#include <limits>

#include "base/errors.h"
#include "base/files.h"
#include "config/key.h"
#include "config/overrides.h"
#include "config/reading.h"
#include "config/setting.h"
#include "config/toml_text.h"

namespace saesweep::config {
namespace {

using toy::ToyOptions;
using ToyKey = KeyOf<ToyOptions>;
using ToyTable = TableOf<ToyOptions>;

//! `count` numbers from `from` to `to` in equal ratios.
std::vector<double> geometric(double from, double to, int64_t count) {
  std::vector<double> numbers;
  for (int64_t i = 0; i < count; ++i) {
    const double share = count > 1 ? static_cast<double>(i) / static_cast<double>(count - 1) : 0.0;
    numbers.push_back(std::pow(10.0, std::log10(from) + share * (std::log10(to) - std::log10(from))));
  }
  return numbers;
}

//! { from, to, count }; nothing where the node is another.
std::optional<std::vector<double>> read_geometric(const toml::node& node) {
  const auto* table = node.as_table();
  if (table == nullptr || table->size() != 3) return std::nullopt;
  const auto number = [&](const char* name) {
    const auto* found = table->get(name);
    return found != nullptr ? positive_number().read(*found) : std::nullopt;
  };
  const auto* count = table->get("count");
  const auto n = count != nullptr ? integer_at_least(2).read(*count) : std::nullopt;
  const auto from = number("from"), to = number("to");
  if (!from || !to || !n || !(*from < *to)) return std::nullopt;
  return geometric(*from, *to, *n);
}

ToyKey penalties() {
  const auto kind = number_at_least_0();
  const std::string expects =
      kind.expects + ", an array of them, or { from = a, to = b, count = n } with 0 < a < b and n of at least 2";
  return {.name = "penalties",
          .meaning = "weights of the latents' mean activation in the loss; a table: in equal ratios",
          .expects = expects + " (an axis of the grid)",
          .read =
              [=](const toml::node& node, ToyOptions& options) {
                if (!node.is_table()) {
                  options.penalties = read_many(kind, node, 1);
                  return;
                }
                const auto numbers = read_geometric(node);
                if (!numbers) throw BadValue(node, fmt::format("found {}, expected {}", describe(node), expects));
                options.penalties = *numbers;
              },
          .write = [=](const ToyOptions& options) { return write_many(kind, options.penalties); },
          .fill = [](ToyOptions& options) { options.penalties = geometric(1e-3, 1e2, 21); }};
}

ToyKey output() {
  const auto kind = path();
  return {.name = "output",
          .meaning = "the folder of results.h5 and logs",
          .expects = kind.expects,
          .required = true,
          .read = [=](const toml::node& node, ToyOptions& options) { options.output = read_one(kind, node); },
          .write = [=](const ToyOptions& options) { return kind.write(options.output); }};
}

ToyTable sweep_table() {
  return {"sweep",
          {required(setting<std::string, ToyOptions>(
               "name", text(), [](ToyOptions & o) -> auto& { return o.name; }, "the sweep's name in results")),
           output()}};
}

std::vector<ToyKey> data_keys() {
  auto data = several<std::string, ToyOptions>(
      "data", one_of({"superposed", "embedding", "gaussian"}), [](ToyOptions & o) -> auto& { return o.data; }, 1,
      "kinds of inputs: superposed features or an embedding matrix, and the Gaussian control of equal mean and "
      "deviation");
  data.expects += " (an axis of the grid)";
  data.fill = [](ToyOptions& options) { options.data = {"superposed", "gaussian"}; };
  return {data,
          several<std::string, ToyOptions>(
              "embeddings", path_or_hub_name(), [](ToyOptions & o) -> auto& { return o.embeddings; }, 0,
              "embedding matrices instead of superposed features: checkpoints, names in the local hub cache, or files "
              "of GloVe's text form (an axis of the grid)"),
          axis<std::string, ToyOptions>(
              "hookpoint", one_of({"input", "mlp"}), [](ToyOptions & o) -> auto& { return o.hookpoints; },
              {"input", "mlp"}, "inputs as they are, or behind a random MLP of two layers"),
          setting<int64_t, ToyOptions>(
              "features", integer_at_least(1), [](ToyOptions & o) -> auto& { return o.drawn.features; },
              "features that superposed inputs are sums of"),
          setting<int64_t, ToyOptions>(
              "d_in", integer_at_least(2), [](ToyOptions & o) -> auto& { return o.drawn.d_in; },
              "dimensions of superposed inputs"),
          setting<double, ToyOptions>(
              "active_features", positive_number(), [](ToyOptions & o) -> auto& { return o.drawn.active_features; },
              "features that are active in a sample, on average"),
          setting<double, ToyOptions>(
              "decay", number_at_least_0(), [](ToyOptions & o) -> auto& { return o.drawn.decay; },
              "exponent of the decay of firing rates, per index of the feature"),
          setting<int64_t, ToyOptions>(
              "samples", integer_at_least(0), [](ToyOptions & o) -> auto& { return o.drawn.samples; },
              "samples drawn, or rows of an embedding matrix; 0: all rows"),
          setting<double, ToyOptions>(
              "held_out", share_below_1(), [](ToyOptions & o) -> auto& { return o.drawn.held_out; },
              "share of the samples that the metrics are taken on")};
}

std::vector<ToyKey> training_keys() {
  return {several<int64_t, ToyOptions>(
              "latents", integer_between(1, std::numeric_limits<int32_t>::max()),
              [](ToyOptions & o) -> auto& { return o.latents; }, 0, "latents of an SAE (an axis of the grid)"),
          several<int64_t, ToyOptions>(
              "expansion_factor", integer_between(1, kMostExpansion),
              [](ToyOptions & o) -> auto& { return o.expansion_factors; }, 0,
              "latents per dimension of the inputs, where latents is not given (an axis of the grid)"),
          penalties(),
          axis<int64_t, ToyOptions>(
              "seeds", integer_at_least(0), [](ToyOptions & o) -> auto& { return o.seeds; }, {0},
              "seeds of data, division, MLP, first weights and order"),
          setting<int64_t, ToyOptions>(
              "epochs", integer_between(1, 1'000'000), [](ToyOptions & o) -> auto& { return o.training.epochs; },
              "passes over the training samples"),
          setting<int64_t, ToyOptions>(
              "batch", integer_at_least(1), [](ToyOptions & o) -> auto& { return o.training.batch; },
              "samples a step; the last of an epoch has what is left"),
          setting<double, ToyOptions>(
              "learning_rate", positive_number(), [](ToyOptions & o) -> auto& { return o.training.learning_rate; },
              "learning rate of Adam")};
}

ToyTable toy_table() {
  ToyTable table{"toy", data_keys()};
  for (auto& key : training_keys()) table.keys.push_back(std::move(key));
  return table;
}

ToyTable run_table() {
  return {"run",
          {setting<int64_t, ToyOptions>(
               "threads", integer_at_least(1), [](ToyOptions & o) -> auto& { return o.threads; },
               "SAEs that a rank trains at the same time on the CPU, a thread each"),
           setting<std::string, ToyOptions>(
               "device", one_of({"auto", "cpu", "cuda"}), [](ToyOptions & o) -> auto& { return o.device; },
               "what ranks compute on; auto: cuda where there is one for every rank, else cpu")}};
}

std::vector<ToyTable> toy_tables() {
  return {sweep_table(), toy_table(), run_table()};
}

[[noreturn]] void refuse(const ToyOptions& options, const toml::table& root, const std::string& key,
                         const std::string& problem) {
  refuse_key(options.source, root, key, problem);
}

bool has(const std::vector<std::string>& words, const std::string& word) {
  return std::ranges::find(words, word) != words.end();
}

//! Keys of [toy] that superposed features are drawn by; a matrix of embeddings brings its own inputs.
constexpr const char* kOfSuperposed[] = {"features", "d_in", "active_features", "decay"};

void refuse_keys_of_superposed(const ToyOptions& options, const toml::table& root) {
  for (const char* name : kOfSuperposed) {
    const std::string key = fmt::format("toy.{}", name);
    if (!root.at_path(key)) continue;
    refuse(options, root, key,
           "stands beside toy.embeddings, but says how superposed inputs are drawn; leave it out, or toy.embeddings");
  }
}

//! Checks what keys must hold together.
void check_together(ToyOptions& options, const toml::table& root) {
  const bool has_embeddings = !options.embeddings.empty();
  if (has_embeddings && !root.at_path("toy.data")) options.data = {"embedding", "gaussian"};
  if (has_embeddings) refuse_keys_of_superposed(options, root);
  if (has_embeddings && has(options.data, "superposed")) {
    refuse(options, root, "toy.data",
           "found \"superposed\" beside toy.embeddings, expected \"embedding\" or "
           "\"gaussian\"");
  }
  if (!has_embeddings && has(options.data, "embedding")) {
    refuse(options, root, "toy.data", "found \"embedding\", but no toy.embeddings say of what");
  }
  if (options.latents.empty() == options.expansion_factors.empty()) {
    refuse(options, root, options.latents.empty() ? "toy.latents" : "toy.expansion_factor",
           options.latents.empty() ? "missing, expected it or toy.expansion_factor" : "stands beside toy.latents");
  }
  const int64_t samples = options.drawn.samples;
  if (!has_embeddings && samples < 2) {
    refuse(options, root, "toy.samples", fmt::format("found {}, expected at least 2", samples));
  }
  if (static_cast<double>(options.drawn.features) < options.drawn.active_features) {
    refuse(options, root, "toy.active_features",
           fmt::format("found {}, expected at most toy.features, {}", options.drawn.active_features,
                       options.drawn.features));
  }
}

//! Keys that say nothing here are left out: empty arrays, of two that exclude each other, and what is not drawn.
std::string resolved_text(const ToyOptions& options, const std::vector<ToyTable>& all) {
  std::string text;
  const auto is_said = [&](const std::string& name, const std::string& value) {
    return value != "[]" &&
           (options.embeddings.empty() || std::ranges::find(kOfSuperposed, name) == std::end(kOfSuperposed));
  };
  for (const auto& table : all) {
    text += fmt::format("{}[{}]\n", text.empty() ? "" : "\n", table.name);
    for (const auto& key : table.keys) {
      const std::string value = key.write(options);
      if (is_said(key.name, value)) text += fmt::format("{} = {}\n", key.name, value);
    }
  }
  return text;
}

}  // namespace

toy::ToyOptions parse_toy(const std::string& text, const std::string& source,
                          const std::vector<std::string>& overrides) {
  auto root = parse_toml(text, source);
  for (const auto& entry : overrides) apply_override(root, entry);
  const auto all = toy_tables();
  ToyOptions options;
  options.source = source;
  read_tables(root, all, {"sweep files", "saesweep run", {"model", "text", "sae", "evaluate", "autointerp", "judge"}},
              options);
  check_together(options, root);
  options.resolved = resolved_text(options, all);
  return options;
}

toy::ToyOptions read_toy(const std::filesystem::path& path, const std::vector<std::string>& overrides) {
  return parse_toy(read_file(path), path.string(), overrides);
}

std::string list_toy_keys() {
  return list_keys(toy_tables());
}

}  // namespace saesweep::config
