#include "model/step0.h"

#include <ATen/ATen.h>

#include <cmath>

#include "base/hash.h"
#include "model/parameters.h"

namespace saesweep::model {
namespace {

bool is_output_projection(const std::string& name) {
  return name.ends_with("attention.dense.weight") || name.ends_with("mlp.dense_4h_to_h.weight");
}

double matrix_deviation(const GptNeoxConfig& config, bool output_projection) {
  const auto d = static_cast<double>(config.d_model), n_layers = static_cast<double>(config.n_layers);
  if (config.step0_recipe == "small_init") {
    return output_projection ? 2.0 / (n_layers * std::sqrt(d)) : std::sqrt(2.0 / (5.0 * d));
  }
  return output_projection ? 0.02 / std::sqrt(2.0 * n_layers) : 0.02;
}

}  // namespace

Gaussian step0_gaussian(const GptNeoxConfig& config, const std::string& name) {
  if (name.ends_with(".bias")) return {0, 0};
  if (is_norm(name)) return {1, 0};
  return {0, matrix_deviation(config, is_output_projection(name))};
}

at::Tensor draw_step0(const GptNeoxConfig& config, int64_t init_seed, const std::string& name, at::ScalarType dtype,
                      at::Device device) {
  const Gaussian gaussian = step0_gaussian(config, name);
  const std::vector<int64_t> shape = parameter_shapes(config).at(name);
  if (gaussian.deviation == 0) {
    return at::full(shape, gaussian.mean, at::TensorOptions().dtype(dtype).device(device));
  }
  return draw(gaussian, Stream{std::string("step0"), init_seed, name}, shape, dtype, device);
}

std::string step0_recipe_hash(const GptNeoxConfig& config) {
  return hex(sha256(settings_text(config) + "\nstep0 drawn by " + config.step0_recipe));
}

}  // namespace saesweep::model
