// Times training steps of a TopK SAE on demand, for bench/sae_vs_peers.py, which alternates them with those of others.
//
//   timed_sae_step D LATENTS K BATCH THREADS PRECISION DEVICE
//
// A line of standard input is a number of steps; each is answered by a line of JSON: seconds a step, the last loss, and
// the most memory held so far beyond parameters, optimizer state and the batch (gradients are never stored).

#include <ATen/ops/randn.h>
#include <fmt/format.h>

#include <chrono>
#include <iostream>

#include "base/errors.h"
#include "base/json.h"
#include "floor.h"
#include "model/compute.h"
#include "peak_memory.h"
#include "train/sae_trainer.h"

namespace saesweep::bench {
namespace {

struct Sizes {
  int64_t d = 0, latents = 0, k = 0, batch = 0;
};

train::SaeTrainer make_trainer(const Sizes& sizes, const std::string& precision, at::Device device) {
  const sae::SaeOptions options{.expansion_factor = sizes.latents / sizes.d, .k = sizes.k};
  train::TrainOptions train;
  train.batch_tokens = sizes.batch;
  train.tokens = sizes.batch << 30;
  train.warmup_steps = 10;
  train.precision = precision;
  sae::Parameters start = sae::initial_parameters(sizes.d, options, 0);
  for (at::Tensor* tensor : {&start.W_enc, &start.b_enc, &start.W_dec, &start.b_dec}) *tensor = tensor->to(device);
  return {{options.architecture, options.k, std::move(start)}, options, train, train::FirstBDec::kByRecipe};
}

//! What libraries and threads need at any size is there before memory is measured.
void warm_up(const Sizes& sizes, const std::string& precision, at::Device device) {
  const Sizes small{sizes.d, 4 * sizes.d, std::min(sizes.k, sizes.d), 64};
  make_trainer(small, precision, device).step(at::randn({small.batch, small.d}).to(device));
}

class TimedStep {
 public:
  TimedStep(const Sizes& sizes, const std::string& precision, at::Device device)
      : sizes_(sizes),
        device_(device),
        memory_(device),
        trainer_(make_trainer(sizes, precision, device)),
        x_(at::randn({sizes.batch, sizes.d}).to(device)) {}

  Json run(int64_t n_steps) {
    using Clock = std::chrono::steady_clock;
    double loss = 0;
    wait_for(device_);
    const auto start = Clock::now();
    for (int64_t step = 0; step < n_steps; ++step) loss = trainer_.step(x_).loss;
    wait_for(device_);
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    return {{"seconds", seconds / static_cast<double>(n_steps)}, {"loss", loss}, {"peak_beyond_bytes", beyond()}};
  }

 private:
  Json beyond() const {
    constexpr int64_t kBytesAParameter = 12;  // itself and Adam's two moments, float32
    const int64_t n_parameters = 2 * sizes_.d * sizes_.latents + sizes_.latents + sizes_.d;
    const int64_t peak = memory_.bytes();
    if (peak < 0) return nullptr;
    return peak - kBytesAParameter * n_parameters - static_cast<int64_t>(x_.nbytes());
  }

  Sizes sizes_;
  at::Device device_;
  PeakMemory memory_;
  train::SaeTrainer trainer_;
  at::Tensor x_;
};

void answer_all(const Sizes& sizes, const std::string& precision, at::Device device) {
  warm_up(sizes, precision, device);
  TimedStep timed(sizes, precision, device);
  int64_t n_steps = 0;
  while (std::cin >> n_steps) std::cout << timed.run(n_steps) << std::endl;
}

}  // namespace
}  // namespace saesweep::bench

int main(int argc, char** argv) {
  if (argc != 8) {
    std::cerr << "usage: timed_sae_step D LATENTS K BATCH THREADS PRECISION DEVICE\n";
    return 2;
  }
  try {
    const auto number = [argv](int place) { return std::stoll(argv[place]); };
    saesweep::model::set_threads(number(5));
    saesweep::bench::answer_all({number(1), number(2), number(3), number(4)}, argv[6],
                                saesweep::model::device_from(argv[7]));
  } catch (const std::exception& error) {
    std::cerr << "timed_sae_step: " << error.what() << "\n";
    return 2;
  }
}
