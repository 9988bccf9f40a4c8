// One training step of a TopK SAE beside the product it cannot avoid, the encoder's, measured in the same run.

#include <ATen/ops/randn.h>
#include <benchmark/benchmark.h>

#include "floor.h"
#include "model/compute.h"
#include "train/sae_trainer.h"

namespace saesweep::bench {
namespace {

//! Arguments: d_in, expansion factor, k, tokens a batch, threads.
void sae_step(benchmark::State& state) {
  const int64_t d_in = state.range(0);
  const sae::SaeOptions sae{.expansion_factor = state.range(1), .k = state.range(2)};
  train::TrainOptions options;
  options.batch_tokens = state.range(3);
  options.tokens = options.batch_tokens << 30;
  options.warmup_steps = 10;
  train::SaeTrainer trainer(d_in, sae, options, 0);
  const at::Tensor x = at::randn({options.batch_tokens, d_in});
  for (auto _ : state) benchmark::DoNotOptimize(trainer.step(x));

  const double floor = product_seconds(options.batch_tokens, d_in, sae.n_latents(d_in));
  state.counters["floor_ms"] = floor * 1e3;
  state.counters["floor_share"] =
      benchmark::Counter(floor * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
  state.counters["tokens/s"] =
      benchmark::Counter(static_cast<double>(options.batch_tokens * state.iterations()), benchmark::Counter::kIsRate);
}

BENCHMARK(sae_step)
    ->ArgNames({"d_in", "R", "k", "batch"})
    ->Args({128, 16, 16, 1024})
    ->Args({512, 64, 32, 4096})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
}  // namespace saesweep::bench

int main(int argc, char** argv) {
  saesweep::model::set_threads(1);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
