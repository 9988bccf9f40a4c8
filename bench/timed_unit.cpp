// What a unit of several layers costs beside its parts: one forward pass and a step of an SAE on each layer, as a sweep
// runs them, against the pass alone and a step alone. Prints JSON for bench/sae_vs_peers.py.
//
//   timed_unit MODEL TOKENIZER EXPANSION_FACTOR K BATCH CONTEXT THREADS PRECISION ROUNDS
//
// MODEL may be a config alone with a recipe for its weights before training (sweeps/configs).

#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <iostream>
#include <memory>
#include <numeric>

#include "base/errors.h"
#include "base/files.h"
#include "base/json.h"
#include "model/compute.h"
#include "model/variants.h"
#include "text/store_build.h"
#include "text/token_rows.h"
#include "train/activation_source.h"
#include "train/sae_trainer.h"

namespace saesweep::bench {
namespace {

struct Settings {
  std::string model = {}, tokenizer = {};
  sae::SaeOptions sae = {};
  train::TrainOptions train = {};
  int64_t context = 0;
  int64_t n_rounds = 0;
};

//! A store of numbers as text, enough for a batch.
text::TokenStore write_store(const std::filesystem::path& folder, const Settings& settings) {
  std::string text;
  for (int64_t i = 0; i < settings.train.batch_tokens; ++i) text += fmt::format("{} and ", 7919 * i % 10007);
  write_file(folder / "numbers.txt", text);
  text::make_store(folder / "numbers.tokens", {folder / "numbers.txt"}, text::Tokenizer::load(settings.tokenizer));
  return text::TokenStore::open(folder / "numbers.tokens");
}

template <typename Work>
double seconds_of(Work&& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

class TimedUnit {
 public:
  TimedUnit(const Settings& settings, const text::TokenStore& store)
      : settings_(settings),
        model_(model::make_variant(model::find_model(settings.model), model::Variant::kStep0, 0, {})),
        rows_(text::TokenStream(store, [](const Digest&) { return true; }), settings.context),
        source_(model_, rows_, all_layers(), std::nullopt, model::ModelOptions{}.forward_tokens),
        alone_(trainer()) {
    for (size_t i = 0; i < source_.hookpoints().size(); ++i) unit_.push_back(trainer());
  }

  Json measure() {
    round();  // warms up
    Json rounds = Json::array();
    for (int64_t i = 0; i < settings_.n_rounds; ++i) rounds.push_back(round());
    return {{"layers", unit_.size()}, {"d", model_.config().d_model}, {"rounds", rounds}};
  }

 private:
  std::vector<model::Hookpoint> all_layers() const {
    std::vector<model::Hookpoint> layers;
    for (int64_t i = 0; i < model_.config().n_layers; ++i) layers.push_back({model::Hookpoint::Kind::kResidual, i});
    return layers;
  }

  std::unique_ptr<train::SaeTrainer> trainer() const {
    return std::make_unique<train::SaeTrainer>(model_.config().d_model, settings_.sae, settings_.train, 0);
  }

  Json round() {
    std::vector<int64_t> rows(static_cast<size_t>(settings_.train.batch_tokens / settings_.context));
    std::iota(rows.begin(), rows.end(), 0);
    train::ActivationBatch batch;
    const double forward = seconds_of([&] { batch = source_.read(rows); });
    const double step = seconds_of([&] { alone_->step(batch.activations.front()); });
    batch = {};
    const double unit = seconds_of([&] {
      batch = source_.read(rows);
      for (size_t i = 0; i < unit_.size(); ++i) unit_[i]->step(batch.activations[i]);
    });
    const double parts = forward + static_cast<double>(unit_.size()) * step;
    return {{"forward_seconds", forward}, {"step_seconds", step}, {"unit_seconds", unit}, {"ratio", unit / parts}};
  }

  Settings settings_;
  model::GptNeox model_;
  text::TokenRows rows_;
  train::ActivationSource source_;
  std::unique_ptr<train::SaeTrainer> alone_;
  std::vector<std::unique_ptr<train::SaeTrainer>> unit_;
};

Json measure(const Settings& settings) {
  const std::filesystem::path folder =
      text::make_build_folder(std::filesystem::temp_directory_path() / "timed_unit.tokens");
  const std::unique_ptr<const std::filesystem::path, void (*)(const std::filesystem::path*)> removed(
      &folder, [](const std::filesystem::path* path) { std::filesystem::remove_all(*path); });
  const text::TokenStore store = write_store(folder, settings);
  return TimedUnit(settings, store).measure();
}

}  // namespace
}  // namespace saesweep::bench

int main(int argc, char** argv) {
  if (argc != 10) {
    std::cerr << "usage: timed_unit MODEL TOKENIZER EXPANSION_FACTOR K BATCH CONTEXT THREADS PRECISION ROUNDS\n";
    return 2;
  }
  try {
    const auto number = [argv](int place) { return std::stoll(argv[place]); };
    saesweep::bench::Settings settings{.model = argv[1], .tokenizer = argv[2], .context = number(6)};
    settings.sae = {.expansion_factor = number(3), .k = number(4)};
    settings.train.batch_tokens = number(5);
    settings.train.tokens = number(5) << 30;
    settings.train.precision = argv[8];
    settings.n_rounds = number(9);
    saesweep::model::set_threads(number(7));
    std::cout << saesweep::bench::measure(settings) << std::endl;
  } catch (const std::exception& error) {
    std::cerr << "timed_unit: " << error.what() << "\n";
    return 2;
  }
}
