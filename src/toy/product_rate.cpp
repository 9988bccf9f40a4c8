#include "toy/product_rate.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <vector>

#include "base/stopwatch.h"
#include "toy/sae_training.h"
#include "toy/start.h"

namespace saesweep::toy {

namespace {

constexpr int64_t kStepsTimed = 8;

//! Operands of neighbouring latents.
struct Block {
  at::Tensor W_enc, W_dec, codes, gradient;
};

std::vector<Block> make_blocks(const Parameters& parameters, int64_t batch) {
  std::vector<Block> blocks;
  for (int64_t first = 0; first < parameters.W_enc.size(0); first += kLatentsAtATime) {
    const int64_t n = std::min(kLatentsAtATime, parameters.W_enc.size(0) - first);
    blocks.push_back({parameters.W_enc.narrow(0, first, n), parameters.W_dec.narrow(0, first, n),
                      at::empty({batch, n}, at::kFloat), at::empty({batch, n}, at::kFloat)});
  }
  return blocks;
}

}  // namespace

double seconds_of_products(int64_t d_in, int64_t n_latents, int64_t batch, int64_t n_steps) {
  const c10::NoGradGuard guard;
  const at::Tensor weights = linear_start({"toy products", d_in, n_latents}, {n_latents, d_in}, d_in);
  const Parameters parameters{weights, {}, weights.clone()};
  std::vector<Block> blocks = make_blocks(parameters, batch);
  const at::Tensor x = linear_start({"toy products", d_in, batch}, {batch, d_in}, d_in);
  at::Tensor error = at::zeros({batch, d_in}, at::kFloat), of_matrix = at::empty({kLatentsAtATime, d_in}, at::kFloat);
  const Stopwatch watch;
  for (int64_t step = 0; step < n_steps; ++step) {
    error.zero_();
    for (Block& block : blocks) {
      at::mm_out(block.codes, x, block.W_enc.t());
      at::addmm_out(error, error, block.codes, block.W_dec);
    }
    for (Block& block : blocks) {
      at::Tensor out = of_matrix.narrow(0, 0, block.W_enc.size(0));
      at::mm_out(block.gradient, error, block.W_dec.t());
      at::mm_out(out, block.codes.t(), error);
      at::mm_out(out, block.gradient.t(), x);
    }
  }
  return watch.seconds();
}

double product_rate(int64_t d_in, int64_t n_latents, int64_t batch) {
  seconds_of_products(d_in, n_latents, batch, 1);  // threads and code are made ready
  return product_operations({.epochs = kStepsTimed}, batch, d_in, n_latents) /
         seconds_of_products(d_in, n_latents, batch, kStepsTimed);
}

}  // namespace saesweep::toy
