// toy_sae OPTIONS.json: makes the toy model's data and trains one SAE on it, for tests that compare both with other
// programs (tests/python/test_toy.py). Keys: saved (a safetensors file to write: the data as standardized and what
// undoes that, the true features, the SAE's start, the order of samples by epoch, the trained SAE); variant, mlp, seed,
// penalty, latents; and of DataOptions and TrainingOptions samples, features, d_in, epochs. Prints loss and measures.
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstdio>

#include "base/json.h"
#include "model/compute.h"
#include "model/safetensors.h"
#include "toy/dataset.h"
#include "toy/evaluation.h"
#include "toy/sae_training.h"
#include "toy/start.h"

using namespace saesweep;

namespace {

at::Tensor orders(int64_t n, int64_t seed, int64_t n_epochs) {
  at::Tensor all = at::empty({n_epochs, n}, at::kLong);
  for (int64_t epoch = 0; epoch < n_epochs; ++epoch)
    std::ranges::copy(toy::sample_order(n, seed, epoch), all.mutable_data_ptr<int64_t>() + epoch * n);
  return all;
}

Json run(const Json& options) {
  const toy::DataOptions data_options{
      .features = options.at("features"), .d_in = options.at("d_in"), .samples = options.at("samples")};
  const int64_t seed = options.at("seed");
  const toy::Dataset data = toy::make_dataset(data_options, nullptr, {options.at("variant"), options.at("mlp"), seed});
  const toy::Parameters start = toy::initial_parameters(data_options.d_in, options.at("latents"), seed);
  toy::Parameters trained = start.clone();
  const toy::TrainingSettings settings{{.epochs = options.at("epochs")}, options.at("penalty"), seed};
  const toy::TrainingReport report = toy::train(
      data.train, settings, [] { return false; }, trained);
  const toy::Evaluation found = toy::evaluate(trained, data.held_out, data.features);
  model::NamedTensors tensors{{"x", data.train.x},
                              {"mean", data.train.mean},
                              {"deviation", data.train.deviation},
                              {"held_out.x", data.held_out.x},
                              {"held_out.mean", data.held_out.mean},
                              {"held_out.deviation", data.held_out.deviation},
                              {"order", orders(data.train.n(), seed, settings.options.epochs)},
                              {"start.W_enc", start.W_enc},
                              {"start.b_enc", start.b_enc},
                              {"start.W_dec", start.W_dec},
                              {"W_enc", trained.W_enc},
                              {"b_enc", trained.b_enc},
                              {"W_dec", trained.W_dec}};
  if (data.features.defined()) tensors.emplace_back("features", data.features);
  model::write_safetensors(options.at("saved").get<std::string>(), tensors);
  return {{"loss", report.loss},
          {"explained_variance", found.explained_variance},
          {"cosine_similarity", found.cosine_similarity},
          {"mse", found.mse},
          {"l0", found.l0},
          {"l1", found.l1},
          {"l1_sqrt_l2", found.l1_sqrt_l2},
          {"hoyer", found.hoyer},
          {"dead_fraction", found.dead_fraction},
          {"mmcs", found.mmcs}};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: toy_sae OPTIONS.json\n", stderr);
    return 2;
  }
  try {
    model::set_threads(1);
    std::puts(run(read_json(argv[1])).dump().c_str());
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "toy_sae: %s\n", error.what());
    return 2;
  }
}
