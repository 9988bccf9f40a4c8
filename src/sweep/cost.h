#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "sweep/cell.h"
#include "sweep/inputs.h"
#include "sweep/options.h"

namespace saesweep::sweep {

//! Rough speed of one core, for planning only; it never changes results.
struct CoreSpeed {
  //! Float32 matrix products.
  double flops = 60e9;
  //! Bytes a second through main memory.
  double bytes = 8e9;
};

//! Predicts times and memory of cells from counts of operations. Uncalibrated, so that a plan is a pure function
//! of the sweep: relative costs matter, absolute ones are within a factor of a few.
class CostModel {
 public:
  CostModel(const SweepOptions& options, const ResolvedInputs& inputs, CoreSpeed core = {});

  //! Paid once by cells that train together, however many: the model's forward pass to their last hookpoint,
  //! over the largest training budget and the evaluation texts.
  double shared_seconds(std::span<const Cell* const> cells) const;
  //! Paid by each cell: its training steps, its encoding of the evaluation texts, its patched forward passes.
  double cell_seconds(const Cell& cell) const;
  //! Bytes that cells training together need: weights of the model, SAEs with what the optimizer remembers, the
  //! activation buffer, a batch of activations a hookpoint, what a step works with, a row of logits.
  uint64_t memory_bytes(std::span<const Cell* const> cells) const;
  //! Of these the activation buffer: buffer_tokens * width * 2 * hookpoints.
  uint64_t buffer_bytes(std::span<const Cell* const> cells) const;

 private:
  //! Operations a token of n blocks, and of what follows a cell's hookpoint up to the logits.
  //! Tokens that trained SAEs encode.
  double encoded_tokens() const;
  double blocks_flops(const model::GptNeoxConfig& config, int64_t n_blocks) const;
  double rest_flops(const Cell& cell) const;

  SweepOptions options_;
  std::map<std::string, model::GptNeoxConfig> configs_;
  double flops_;
  double bytes_;
};

}  // namespace saesweep::sweep
