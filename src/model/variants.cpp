#include "model/variants.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/errors.h"
#include "base/random.h"
#include "model/compute.h"
#include "model/gaussian.h"
#include "model/step0.h"

namespace saesweep::model {
namespace {

bool is_redrawn(const std::string& name, Variant variant, bool rerandomize_norms) {
  if (variant != Variant::kRerandomizedIncl && variant != Variant::kRerandomizedExcl) return false;
  if (is_norm(name)) return rerandomize_norms;
  return variant == Variant::kRerandomizedIncl || (name != kEmbeddingName && name != kUnembeddingName);
}

//! Noise of the tokens [begin, end) of documents and positions.
void fill_noise(int64_t seed, std::span<const uint64_t> documents, std::span<const uint32_t> positions, int64_t d,
                float* out) {
  std::vector<double> normals(static_cast<size_t>(d));
  std::optional<Stream> stream;  // a stream's key is a SHA-256: one for each run of a document's tokens
  for (size_t token = 0; token < documents.size(); ++token) {
    if (token == 0 || documents[token] != documents[token - 1]) {
      stream.emplace(Stream{std::string("control"), seed, documents[token]});
    }
    const uint64_t first = uint64_t{positions[token]} * static_cast<uint64_t>(d);
    stream->normals(first, normals);
    out = std::transform(normals.begin(), normals.end(), out, [](double x) { return static_cast<float>(x); });
  }
}

}  // namespace

std::optional<std::filesystem::path> checkpoint_folder(const ModelSource& source, Variant variant) {
  if (variant != Variant::kStep0) {
    if (!source.weights.empty()) return source.weights;
    throw ModelError(
        source.given,
        fmt::format("holds a config and no weights, so the variant {} cannot be made, only step0; expected "
                    "model.safetensors beside the config",
                    name_of(variant)));
  }
  if (!source.step0.empty()) return source.step0;
  if (!read_config(source.config).step0_recipe.empty()) return std::nullopt;
  throw ModelError(source.given,
                   fmt::format("has no weights of step0: neither the revision itself ({}) nor in {} the recipe to draw "
                               "them by, \"saesweep_step0\": \"small_init\" or \"neox_default\"",
                               step0_place(source), source.config.string()));
}

std::string content_hash(const ModelSource& source, Variant variant) {
  const auto folder = checkpoint_folder(source, variant);
  return folder ? checkpoint_hash(Checkpoint(*folder)) : step0_recipe_hash(read_config(source.config));
}

at::Tensor variant_parameter(const Checkpoint& checkpoint, Variant variant, int64_t init_seed, bool rerandomize_norms,
                             const std::string& name, at::ScalarType dtype, at::Device device) {
  if (!is_redrawn(name, variant, rerandomize_norms)) return checkpoint.tensor(name, dtype, device);
  return draw(gaussian_of(checkpoint, name), Stream{std::string("rerandomize"), init_seed, name},
              checkpoint.parameters().at(name).shape, dtype, device);
}

GptNeox make_variant(const ModelSource& source, Variant variant, int64_t init_seed, const ModelOptions& options,
                     at::Device device) {
  const at::ScalarType dtype = dtype_from(options.dtype, device);
  const auto folder = checkpoint_folder(source, variant);
  if (!folder) {
    const GptNeoxConfig config = read_config(source.config);
    return {config, [&](const std::string& name) { return draw_step0(config, init_seed, name, dtype, device); }};
  }
  const Checkpoint checkpoint(*folder);
  return {checkpoint.config(), [&](const std::string& name) {
            return variant_parameter(checkpoint, variant, init_seed, options.rerandomize_norms, name, dtype, device);
          }};
}

at::Tensor control_embeddings(int64_t noise_seed, std::span<const uint64_t> documents,
                              std::span<const uint32_t> positions, int64_t rows, int64_t context, int64_t d) {
  const auto n = static_cast<size_t>(rows * context);
  if (documents.size() != n || positions.size() != n) {
    throw SystemError(fmt::format("control noise of {} x {} tokens asked for with {} documents and {} positions", rows,
                                  context, documents.size(), positions.size()));
  }
  at::Tensor noise = at::empty({rows, context, d}, at::kFloat);
  float* out = noise.mutable_data_ptr<float>();
  at::parallel_for(0, rows, 1, [&](int64_t begin, int64_t end) {
    const auto first = static_cast<size_t>(begin * context);
    const auto count = static_cast<size_t>((end - begin) * context);
    fill_noise(noise_seed, documents.subspan(first, count), positions.subspan(first, count), d,
               out + begin * context * d);
  });
  return noise;
}

}  // namespace saesweep::model
