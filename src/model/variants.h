#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>

#include "model/checkpoint.h"
#include "model/gpt_neox.h"
#include "model/options.h"
#include "model/source.h"

namespace saesweep::model {

//! The folder whose checkpoint a variant is made from: the model's own weights, or for step0 its revision step0.
//! Nothing where step0 is drawn by the recipe that the config names (model/step0.h). Throws ModelError where the model
//! has neither, naming both ways.
std::optional<std::filesystem::path> checkpoint_folder(const ModelSource& source, Variant variant);

//! Hex SHA-256 of what a variant is made from: a checkpoint's content, or the recipe. Reads the whole checkpoint.
//! Throws ModelError.
std::string content_hash(const ModelSource& source, Variant variant);

//! A weight of an arm (docs/design.md, "variant"), in dtype on device, drawn on the host: the same bits on every
//! machine. Rerandomized: every matrix and bias (LayerNorms only with rerandomize_norms) is drawn anew from a Gaussian
//! of its own mean and (n-1) standard deviation over all its elements, element i being normal(i) of
//! Stream{"rerandomize", init_seed, name}; excl keeps embedding and unembedding bit for bit. Other variants: the
//! checkpoint's weights as they are. Source: arXiv:2501.17727, section 3.
at::Tensor variant_parameter(const Checkpoint& checkpoint, Variant variant, int64_t init_seed, bool rerandomize_norms,
                             const std::string& name, at::ScalarType dtype, at::Device device = at::Device(at::kCPU));

//! The model of an arm of the study. One parameter at a time is read, drawn and copied to the device, in pieces: beside
//! the model itself a few MB of host memory are used. Throws ModelError where the checkpoint cannot be used, InputError
//! for a dtype that the device does not compute in.
GptNeox make_variant(const ModelSource& source, Variant variant, int64_t init_seed, const ModelOptions& options,
                     at::Device device = at::Device(at::kCPU));

//! The control variant's embeddings: a fresh draw from N(0, I) for every token occurrence, keyed by where the token
//! stands and by nothing else, so that text read again has the same noise. documents and positions give each
//! token's document key and place in it, [rows * context]; dimension i of a token is normal(position * d + i) of
//! Stream{"control", noise_seed, document}. Returns float32 [rows, context, d].
at::Tensor control_embeddings(int64_t noise_seed, std::span<const uint64_t> documents,
                              std::span<const uint32_t> positions, int64_t rows, int64_t context, int64_t d);

}  // namespace saesweep::model
