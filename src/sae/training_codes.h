#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

#include "sae/codes.h"
#include "sae/sae.h"

namespace saesweep::sae {

//! What a training step wants of the encoder beside the active latents.
struct TrainingWants {
  //! topk only: the 4k largest as well (MultiTopK).
  bool wide = false;
  //! The largest of the latents that are marked here, [n_latents], as many as this a token (AuxK); 0: none.
  int64_t n_dead = 0;
  std::span<const uint8_t> is_dead = {};
  //! jumprelu: entries less than this away from their thresholds.
  float band = 0;
  Precision precision = Precision::kFloat32;
};

struct TrainingCodes {
  //! As the architecture has it in training: batch_topk and matryoshka take the k * tokens largest of the batch.
  Codes active;
  Codes wide;
  Codes dead;
  //! jumprelu: entries near their thresholds, on both sides; their values are pre-activations.
  Codes near;
};

//! All of it from one pass over the encoder's products. centered: x - b_dec, [tokens, d_in].
TrainingCodes training_codes(const Sae& sae, const at::Tensor& centered, const TrainingWants& wants);

}  // namespace saesweep::sae
