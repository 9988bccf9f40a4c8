#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <span>

#include "model/checkpoint.h"
#include "model/gpt_neox.h"
#include "model/options.h"

namespace saesweep::model {

//! The folder whose checkpoint a variant is made from: the model's own, or for step0 its subfolder `step0` (a
//! revision is a subfolder). Throws ModelError naming the folder that is missing.
std::filesystem::path checkpoint_folder(const std::filesystem::path& folder, Variant variant);

//! "float32" or "bfloat16". Throws InputError naming these for another name.
at::ScalarType dtype_from(const std::string& name);

//! The weights of an arm (docs/design.md, "variant"), in dtype, drawn on the host: the same bits on every machine.
//! Rerandomized: every matrix and bias (LayerNorms only with rerandomize_norms) is drawn anew from a Gaussian of
//! its own mean and (n-1) standard deviation over all its elements, element i being normal(i) of
//! Stream{"rerandomize", init_seed, name}; excl keeps embedding and unembedding bit for bit. Other variants: the
//! checkpoint's weights as they are. Source: arXiv:2501.17727, section 3.
TensorMap variant_tensors(const Checkpoint& checkpoint, Variant variant, int64_t init_seed, bool rerandomize_norms,
                          at::ScalarType dtype);

//! The model of an arm of the study. Throws ModelError where the checkpoint cannot be used.
GptNeox make_variant(const std::filesystem::path& folder, Variant variant, int64_t init_seed,
                     const ModelOptions& options, at::Device device = at::Device(at::kCPU));

//! The control variant's embeddings: a fresh draw from N(0, I) for every token occurrence, keyed by where the token
//! stands and by nothing else, so that text read again has the same noise. documents and positions give each
//! token's document key and place in it, [rows * context]; dimension i of a token is normal(position * d + i) of
//! Stream{"control", noise_seed, document}. Returns float32 [rows, context, d].
at::Tensor control_embeddings(int64_t noise_seed, std::span<const uint64_t> documents,
                              std::span<const uint32_t> positions, int64_t rows, int64_t context, int64_t d);

}  // namespace saesweep::model
