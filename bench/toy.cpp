// toy: what a toy SAE's training takes beside its matrix products alone (the same shapes, replayed), on one thread.
//   build/bench/toy [EPOCHS]
#include <fmt/format.h>

#include <cstdlib>

#include "model/compute.h"
#include "toy/dataset.h"
#include "toy/product_rate.h"
#include "toy/sae_training.h"

using namespace saesweep;

int main(int argc, char** argv) {
  const int64_t epochs = argc > 1 ? std::atoll(argv[1]) : 2;
  if (epochs < 1) {
    fmt::print(stderr, "toy [EPOCHS]\n");
    return 2;
  }
  model::set_threads(1);
  const toy::TrainingOptions training{.epochs = epochs};
  const toy::DataOptions drawn;
  const toy::Dataset data = toy::make_dataset(drawn, nullptr, {"superposed", false, 0});
  const int64_t n_steps = training.epochs * data.train.n() / training.batch;
  fmt::print("{:>7} {:>12} {:>14} {:>16} {:>14} {:>16}\n", "latents", "training, s", "in products, s",
             "products alone, s", "over products", "over those alone");
  for (const int64_t n_latents : {512, 1024, 2048, 4096}) {
    toy::Parameters parameters = toy::initial_parameters(drawn.d_in, n_latents, 0);
    const auto report = toy::train(
        data.train, {training, 0.03, 0}, [] { return false; }, parameters);
    const double alone = toy::seconds_of_products(drawn.d_in, n_latents, training.batch, n_steps);
    fmt::print("{:>7} {:>12.2f} {:>14.2f} {:>16.2f} {:>14.2f} {:>16.2f}\n", n_latents, report.seconds,
               report.product_seconds, alone, report.seconds / report.product_seconds, report.seconds / alone);
  }
  return 0;
}
