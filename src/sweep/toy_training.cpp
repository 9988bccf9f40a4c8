#include "sweep/toy_training.h"

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <set>
#include <tuple>

#include "base/errors.h"
#include "base/stopwatch.h"
#include "toy/batch_training.h"

namespace saesweep::sweep {

ToyTraining::ToyTraining(const toy::ToyOptions& options, std::span<const toy::Embeddings> embeddings,
                         std::span<const ToyCell> cells, at::Device device, uint64_t device_bytes)
    : options_(options),
      embeddings_(embeddings),
      cells_(cells),
      device_(device),
      device_bytes_(device_bytes),
      data_(static_cast<size_t>(options.threads) + 1),
      starts_(static_cast<size_t>(options.threads) + 1) {}

std::shared_ptr<const toy::Dataset> ToyTraining::data_for(const ToyCell& cell) {
  return data_.get({cell.embeddings, cell.data}, [this](const DataOf& key) {
    const toy::Embeddings* embeddings = key.first < 0 ? nullptr : &embeddings_[static_cast<size_t>(key.first)];
    return toy::make_dataset(options_.drawn, embeddings, key.second);
  });
}

toy::Parameters ToyTraining::start_for(const ToyCell& cell) {
  return starts_
      .get({cell.d_in, cell.n_latents, cell.data.seed},
           [](const StartOf& key) { return std::apply(toy::initial_parameters, key); })
      ->clone();
}

void ToyTraining::measure(const toy::Parameters& parameters, const toy::Dataset& data, ToyOutcome& outcome) const {
  const Stopwatch watch;
  outcome.evaluation = toy::evaluate(parameters, data.held_out, data.features);
  outcome.evaluation_seconds = watch.seconds();
  // The last step's loss was taken before it.
  if (!std::isfinite(outcome.evaluation.mse)) {
    outcome.failure = fmt::format("its squared error is {}; a lower learning_rate may help", outcome.evaluation.mse);
  }
}

ToyOutcome ToyTraining::train_alone(const ToyCell& cell, const Stop& is_stopped) {
  ToyOutcome outcome;
  try {
    const auto data = data_for(cell);
    toy::Parameters parameters = start_for(cell);
    outcome.training =
        toy::train(data->train, {options_.training, cell.penalty, cell.data.seed}, is_stopped, parameters);
    if (!outcome.training.is_stopped) measure(parameters, *data, outcome);
  } catch (const NumericError& error) {
    outcome.failure = error.what();
  }
  return outcome;
}

std::vector<ToyOutcome> ToyTraining::train_together(std::span<const size_t> places, const Stop& is_stopped) {
  std::vector<std::shared_ptr<const toy::Dataset>> data;
  std::map<const toy::Dataset*, toy::Standardized> on_device;
  std::vector<toy::Parameters> parameters;
  for (const size_t place : places) {
    data.push_back(data_for(cells_[place]));
    on_device.try_emplace(data.back().get(), data.back()->train.to(device_));
    parameters.push_back(start_for(cells_[place]).to(device_));
  }
  std::vector<toy::BatchMember> members;
  for (size_t i = 0; i < places.size(); ++i) {
    const ToyCell& cell = cells_[places[i]];
    members.push_back(
        {&on_device.at(data[i].get()), {options_.training, cell.penalty, cell.data.seed}, &parameters[i]});
  }
  const auto reports = toy::train_batch(members, is_stopped);
  std::vector<ToyOutcome> outcomes(places.size());
  for (size_t i = 0; i < places.size(); ++i) {
    outcomes[i].training = reports[i];
    if (reports[i].is_stopped) continue;
    if (std::isfinite(reports[i].loss)) {
      measure(parameters[i].to(at::Device(at::kCPU)), *data[i], outcomes[i]);
    } else {
      outcomes[i].failure = fmt::format("the loss ended at {}; a lower learning_rate may help", reports[i].loss);
    }
  }
  return outcomes;
}

std::vector<ToyOutcome> ToyTraining::train(std::span<const size_t> places, const Stop& is_stopped) {
  model::start_thread();
  if (!device_.is_cpu()) return train_together(places, is_stopped);
  std::vector<ToyOutcome> outcomes;
  for (const size_t place : places) outcomes.push_back(train_alone(cells_[place], is_stopped));
  return outcomes;
}

std::vector<std::vector<size_t>> ToyTraining::items(std::span<const size_t> to_do) const {
  std::vector<std::vector<size_t>> items;
  std::set<int64_t> seeds;  // of the last item
  const auto shape = [](const ToyCell& cell) {
    return std::tuple(cell.embeddings, cell.data.variant, cell.data.is_behind_mlp, cell.n_latents);
  };
  const auto has_room = [&](const std::vector<size_t>& item, const ToyCell& cell) {
    const size_t n_seeds = seeds.size() + (seeds.contains(cell.data.seed) ? 0 : 1);
    return (item.size() + 1) * toy::batch_bytes(options_.training, cell.n_samples, cell.d_in, cell.n_latents) +
               n_seeds * toy::samples_bytes(cell.n_samples, cell.d_in) <=
           device_bytes_ / 2;
  };
  for (const size_t place : to_do) {
    const ToyCell& cell = cells_[place];
    if (items.empty() || shape(cells_[items.back().front()]) != shape(cell) || !has_room(items.back(), cell)) {
      items.emplace_back();
      seeds.clear();
    }
    items.back().push_back(place);
    seeds.insert(cell.data.seed);
  }
  return items;
}

}  // namespace saesweep::sweep
