#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "model/config.h"
#include "model/gaussian.h"

namespace saesweep::model {

//! How the recipe that a config names (step0_recipe) draws a parameter before the first training step: LayerNorm
//! weights 1 and biases 0 (deviation 0), matrices with mean 0 and, of a model of L layers and width d, deviation
//! - small_init: sqrt(2 / (5 d)); the output projections of a block (attention.dense, mlp.dense_4h_to_h) by wang_init,
//!   2 / (L sqrt(d)). So Pythia was up to 2.8b.
//! - neox_default: 0.02; the output projections 0.02 / sqrt(2 L). So Pythia 6.9b and 12b.
//! Source: GPT-NeoX, megatron/model/init_functions.py, and EleutherAI/pythia, models/*/*.yml.
Gaussian step0_gaussian(const GptNeoxConfig& config, const std::string& name);

//! A parameter before the first training step, drawn by the recipe: element i is normal(i) of
//! Stream{"step0", init_seed, name}. The same bits on every machine (gaussian.h).
at::Tensor draw_step0(const GptNeoxConfig& config, int64_t init_seed, const std::string& name, at::ScalarType dtype,
                      at::Device device = at::Device(at::kCPU));

//! Hex SHA-256 of the settings that change the model's numbers and of the recipe: what checkpoint_hash is for weights
//! that are drawn.
std::string step0_recipe_hash(const GptNeoxConfig& config);

}  // namespace saesweep::model
