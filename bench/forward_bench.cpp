// The model's forward pass to its last layer beside the products it cannot avoid, measured in the same run.

#include <ATen/ops/randint.h>
#include <benchmark/benchmark.h>

#include "floor.h"
#include "model/compute.h"
#include "model/variants.h"

namespace saesweep::bench {
namespace {

//! Argument: rows a forward pass.
void forward(benchmark::State& state) {
  const auto model = model::make_variant(model::find_model("models/tiny"), model::Variant::kTrained, -1, {});
  const model::GptNeoxConfig& config = model.config();
  const int64_t rows = state.range(0);
  const int64_t context = config.max_context;
  const at::Tensor ids = at::randint(config.vocab_size, {rows, context}, at::kLong);
  const model::ForwardRequest request{.capture = {{model::Hookpoint::Kind::kResidual, config.n_layers - 1}}};
  for (auto _ : state) benchmark::DoNotOptimize(model.forward(ids, request));

  const double floor = block_product_seconds(config, rows, context) * static_cast<double>(config.n_layers);
  state.counters["floor_ms"] = floor * 1e3;
  state.counters["floor_share"] =
      benchmark::Counter(floor * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
  state.counters["tokens/s"] =
      benchmark::Counter(static_cast<double>(rows * context * state.iterations()), benchmark::Counter::kIsRate);
}

BENCHMARK(forward)->ArgName("rows")->Arg(4)->Arg(16)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace saesweep::bench

int main(int argc, char** argv) {
  saesweep::model::set_threads(1);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
