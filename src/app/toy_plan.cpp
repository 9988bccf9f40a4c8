#include "app/toy_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <span>
#include <tuple>
#include <vector>

#include "app/table.h"
#include "base/machine_memory.h"
#include "base/progress.h"
#include "model/compute.h"
#include "sweep/toy_cells.h"
#include "sweep/toy_memory.h"
#include "toy/batch_training.h"
#include "toy/product_rate.h"

namespace saesweep::app {

namespace {

//! A run's time over that of its products (docs/performance.md).
constexpr double kOverhead = 1.15;
constexpr int64_t kLatentsTimed = 512;

//! SAEs of one data set and width, or all.
struct Batch {
  int64_t n = 0;
  double operations = 0;
  //! Of a thread.
  double seconds = 0;
};

//! Operations a second of a thread in the products of a cell, timed once for each number of dimensions; the number of
//! latents makes no difference, since some are worked on at a time.
class Rates {
 public:
  explicit Rates(const toy::ToyOptions& options) : options_(options) {}

  double of(const sweep::ToyCell& cell) {
    const auto [place, is_new] = rates_.try_emplace(cell.d_in, 0);
    const int64_t batch = std::min(options_.training.batch, sweep::training_samples(cell, options_));
    if (is_new) place->second = toy::product_rate(cell.d_in, std::min(cell.n_latents, kLatentsTimed), batch);
    return place->second;
  }

 private:
  const toy::ToyOptions& options_;
  std::map<int64_t, double> rates_;
};

//! What a rank needs of the machine's memory, and an SAE of a device's.
std::string memory_text(const toy::ToyOptions& options, std::span<const toy::Embeddings> embeddings,
                        std::span<const sweep::ToyCell> cells) {
  const double needed = sweep::toy_need(options, embeddings, cells).bytes;
  const uint64_t here = machine_memory();
  uint64_t of_sae = 0, of_samples = 0;
  for (const sweep::ToyCell& cell : cells) {
    of_sae = std::max(of_sae, toy::batch_bytes(options.training, cell.n_samples, cell.d_in, cell.n_latents));
    of_samples = std::max(of_samples, toy::samples_bytes(cell.n_samples, cell.d_in));
  }
  std::string text = fmt::format("Memory: up to {} a rank of {} threads, LibTorch's own aside",
                                 bytes_text(static_cast<uint64_t>(needed)), options.threads);
  if (needed > static_cast<double>(here)) {
    text += fmt::format("; this machine has {} and would refuse the run (fewer run.threads or samples need less)",
                        bytes_text(here));
  }
  return text +
         fmt::format(
             "\nOn CUDA: up to {} an SAE and {} a seed's samples; as many train at a time as half of the device's "
             "memory holds\n",
             bytes_text(of_sae), bytes_text(of_samples));
}

}  // namespace

std::string toy_plan(const toy::ToyOptions& asked) {
  toy::ToyOptions options = asked;
  if (options.device == "auto") options.device = model::n_cuda_devices() > 0 ? "cuda" : "cpu";
  std::vector<toy::Embeddings> embeddings;
  for (const std::string& path : options.embeddings) embeddings.push_back(toy::read_embeddings(path));
  const std::vector<sweep::ToyCell> cells = sweep::expand_toy(options, embeddings);
  std::map<std::tuple<std::string, std::string, bool, int64_t>, Batch> batches;
  Batch all;
  model::set_threads(1);
  Rates rates(options);
  for (const sweep::ToyCell& cell : cells) {
    const double operations = sweep::product_operations(cell, options);
    for (Batch* batch : {&all, &batches[{cell.model, cell.data.variant, cell.data.is_behind_mlp, cell.n_latents}]}) {
      ++batch->n;
      batch->operations += operations;
      batch->seconds += operations / rates.of(cell);
    }
  }
  const auto time = [&](const Batch& batch) {
    return duration_text(kOverhead * batch.seconds / static_cast<double>(options.threads));
  };
  TextTable table({"model", "data", "hookpoint", "latents", "SAEs", "TFLOP", "time"});
  for (const auto& [key, batch] : batches) {
    const auto& [model, variant, is_behind_mlp, n_latents] = key;
    table.add({model, variant, is_behind_mlp ? "mlp" : "input", fmt::format("{}", n_latents),
               fmt::format("{}", batch.n), fmt::format("{:.1f}", batch.operations / 1e12), time(batch)});
  }
  return fmt::format("{}\n{} SAEs, {:.1f} TFLOP of products; {} on one rank of {} threads at {:.0f} GFLOP/s each\n{}",
                     table.text(), all.n, all.operations / 1e12, time(all), options.threads,
                     all.operations / all.seconds / 1e9, memory_text(options, embeddings, cells));
}

}  // namespace saesweep::app
