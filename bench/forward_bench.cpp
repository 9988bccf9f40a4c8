// The model's forward pass to its last layer beside the products it cannot avoid, measured in the same run.

#include <ATen/ops/randint.h>
#include <benchmark/benchmark.h>

#include "floor.h"
#include "model/compute.h"
#include "model/variants.h"

namespace saesweep::bench {
namespace {

//! Seconds of a block's products over n tokens in rows of `context`: query-key-value, dense, up, down, and the two
//! of attention (whole squares).
double block_products(const model::GptNeoxConfig& config, int64_t rows, int64_t context) {
  const int64_t n = rows * context;
  const int64_t d = config.d_model;
  const int64_t d_head = d / config.n_heads;
  return product_seconds(n, d, 3 * d) + product_seconds(n, d, d) + product_seconds(n, d, config.d_mlp) +
         product_seconds(n, config.d_mlp, d) +
         static_cast<double>(rows * config.n_heads) *
             (product_seconds(context, d_head, context) + product_seconds(context, context, d_head));
}

//! Argument: rows a forward pass.
void forward(benchmark::State& state) {
  const auto model = model::make_variant(model::find_model("models/tiny"), model::Variant::kTrained, -1, {});
  const model::GptNeoxConfig& config = model.config();
  const int64_t rows = state.range(0);
  const int64_t context = config.max_context;
  const at::Tensor ids = at::randint(config.vocab_size, {rows, context}, at::kLong);
  const model::ForwardRequest request{.capture = {{model::Hookpoint::Kind::kResidual, config.n_layers - 1}}};
  for (auto _ : state) benchmark::DoNotOptimize(model.forward(ids, request));

  const double floor = block_products(config, rows, context) * static_cast<double>(config.n_layers);
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
