#include "app/toy_plan.h"

#include <fmt/format.h>

#include <map>
#include <set>
#include <vector>

#include "app/table.h"
#include "base/progress.h"
#include "model/compute.h"
#include "sweep/toy_cells.h"
#include "toy/product_rate.h"

namespace saesweep::app {

namespace {

//! A run's time over that of its products (docs/performance.md).
constexpr double kOverhead = 1.15;

//! SAEs of one data set and width.
struct Batch {
  int64_t n = 0;
  double operations = 0;
};

}  // namespace

std::string toy_plan(const toy::ToyOptions& options) {
  std::vector<toy::Embeddings> embeddings;
  for (const std::string& path : options.embeddings) embeddings.push_back(toy::read_embeddings(path));
  const std::vector<sweep::ToyCell> cells = sweep::expand_toy(options, embeddings);
  std::map<std::tuple<std::string, std::string, bool, int64_t>, Batch> batches;
  double operations = 0;
  for (const sweep::ToyCell& cell : cells) {
    Batch& batch = batches[{cell.model, cell.data.variant, cell.data.is_behind_mlp, cell.n_latents}];
    ++batch.n;
    batch.operations += sweep::product_operations(cell, options);
    operations += sweep::product_operations(cell, options);
  }
  model::set_threads(1);
  const double rate = toy::product_rate(cells.front().d_in, cells.front().n_latents, options.training.batch);
  const auto time = [&](double n) {
    return duration_text(kOverhead * n / rate / static_cast<double>(options.threads));
  };
  TextTable table({"model", "data", "hookpoint", "latents", "SAEs", "TFLOP", "time"});
  for (const auto& [key, batch] : batches) {
    const auto& [model, variant, is_behind_mlp, n_latents] = key;
    table.add({model, variant, is_behind_mlp ? "mlp" : "input", fmt::format("{}", n_latents),
               fmt::format("{}", batch.n), fmt::format("{:.1f}", batch.operations / 1e12), time(batch.operations)});
  }
  return fmt::format("{}\n{} SAEs, {:.1f} TFLOP of products; {} on one rank of {} threads at {:.0f} GFLOP/s each\n",
                     table.text(), cells.size(), operations / 1e12, time(operations), options.threads, rate / 1e9);
}

}  // namespace saesweep::app
