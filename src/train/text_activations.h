#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "model/gpt_neox.h"
#include "model/hookpoint.h"
#include "model/safetensors.h"
#include "text/token_rows.h"

namespace saesweep::train {

//! The activations of the first n_rows rows, read as training reads them, as float32 tensors to be stored:
//! input_ids, int64 [tokens]; logits, [tokens, vocab], where asked for; and one named by each hookpoint,
//! [tokens, d_model]. noise_seed: set for the control variant. Throws as GptNeox::forward.
model::NamedTensors text_activations(const model::GptNeox& model, const text::TokenRows& rows, int64_t n_rows,
                                     const std::vector<model::Hookpoint>& hookpoints, bool logits,
                                     std::optional<int64_t> noise_seed);

}  // namespace saesweep::train
