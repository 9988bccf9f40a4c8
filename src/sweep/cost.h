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

//! What a rank computes with, by what is computed; operations or bytes a second.
struct Speeds {
  //! The model's forward passes.
  double forward_flops = 0;
  //! The encoder's products, in training and afterwards.
  double train_flops = 0;
  double evaluate_flops = 0;
  //! Decoding k latents, and the gradients over them.
  double sparse_flops = 0;
  //! Through memory.
  double bytes = 0;
};

//! Of a rank of so many cores.
Speeds speeds_of(CoreSpeed core, int64_t threads);

struct StageFactors;

//! Seconds of a rank's device by stage of a cell.
struct StageSeconds {
  double train = 0;
  double evaluate = 0;
  double harvest = 0;

  double total() const { return train + evaluate + harvest; }
  StageSeconds& operator+=(const StageSeconds& other);
  StageSeconds times(const StageFactors& factors) const;
};

//! What the stages of cells take, over what is counted.
struct StageFactors {
  double train = 1;
  double evaluate = 1;
  double harvest = 1;
};

//! Predicts times and memory of cells from counts of operations. Uncalibrated, so that a division is a pure function
//! of the sweep: relative costs matter, absolute ones are within a factor of a few; sweep/calibration.h finds factors.
class CostModel {
 public:
  //! Of ranks of [run] threads cores.
  CostModel(const SweepOptions& options, const ResolvedInputs& inputs, CoreSpeed core = {});
  //! Of ranks of these speeds, whatever they compute on.
  CostModel(const SweepOptions& options, const ResolvedInputs& inputs, const Speeds& speeds);

  //! The same, its seconds times these factors.
  CostModel with_factors(const StageFactors& factors) const;

  //! As a division among the jobs of an array has it: on one core, by no factors, so that it depends on the grid alone.
  CostModel for_division() const;

  //! Paid once by cells that train together, however many: the model's forward pass to their last hookpoint,
  //! over the largest training budget, the evaluation texts and the harvested text; zero-ablated forward passes.
  StageSeconds shared(std::span<const Cell* const> cells) const;
  //! Paid by each cell: its training steps, its encoding of the texts, its patched forward passes.
  StageSeconds own(const Cell& cell) const;
  //! Of cells that train together: what all pay, and what each does.
  StageSeconds stages(std::span<const Cell* const> cells) const;
  //! Sums of these over the stages.
  double shared_seconds(std::span<const Cell* const> cells) const { return shared(cells).total(); }
  double cell_seconds(const Cell& cell) const { return own(cell).total(); }

  //! Of shared(), the forward passes with a cell's hookpoint zeroed, once for all of its cells.
  double zeroing_seconds(const Cell& cell) const;

  //! Bytes that cells training together need (sweep/memory_need.h).
  uint64_t memory_bytes(std::span<const Cell* const> cells) const;
  //! Of these the activation buffer: buffer_tokens * width * 2 * hookpoints.
  uint64_t buffer_bytes(std::span<const Cell* const> cells) const;

  const SweepOptions& options() const { return options_; }
  const model::GptNeoxConfig& config_of(const Cell& cell) const { return configs_.at(cell.model_path); }

 private:
  //! Tokens in which windows are sought.
  double harvest_tokens() const;
  //! Operations a token of n blocks, and of what follows a cell's hookpoint up to the logits.
  double blocks_flops(const model::GptNeoxConfig& config, int64_t n_blocks) const;
  double rest_flops(const Cell& cell) const;

  SweepOptions options_;
  std::map<std::string, model::GptNeoxConfig> configs_;
  CoreSpeed core_;
  Speeds speeds_;
  StageFactors factors_;
};

}  // namespace saesweep::sweep
