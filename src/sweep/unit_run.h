#pragma once

#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "model/compute.h"
#include "results/writer.h"
#include "sweep/cell.h"
#include "sweep/options.h"
#include "sweep/progress.h"
#include "text/text_stores.h"
#include "text/tokenizer.h"

namespace saesweep::sweep {

//! What a rank works with, whatever the unit. Views; all must outlive the run.
struct UnitContext {
  const SweepOptions& options;
  //! The text as the tokenizer of a cell's model cuts it.
  std::function<const text::TokenizedText&(const Cell&)> text_of;
  std::function<const text::Tokenizer&(const Cell&)> tokenizer_of;
  results::ResultsWriter& results;
  std::function<void(const ProgressMessage&)> report;
  //! Takes a cell whose harvest is stored to the judge, where the sweep wants scores.
  std::function<void(const Cell&, uint64_t row)> score;
  //! What the rank computes on.
  at::Device device = at::Device(at::kCPU);
};

//! A cell of a unit, its row in the results file, and the last stage whose columns hold there.
struct UnitCell {
  const Cell* cell;
  uint64_t row;
  results::Stage stage = results::Stage::kNone;
};

//! Training steps between two points of a curve, and how many points the curve has.
struct CurvePoints {
  int64_t every = 1;
  int64_t n = 0;
};
CurvePoints curve_points(int64_t n_steps);

//! Rows of a text used where `tokens` are asked for: whole rows, at least one, at most all.
int64_t rows_for(int64_t tokens, const text::TokenRows& rows);

//! Where the SAE of a cell and what was harvested of it are kept.
std::filesystem::path sae_folder(const SweepOptions& options, const Cell& cell);
std::filesystem::path harvest_path(const SweepOptions& options, const Cell& cell);

//! Trains all cells of one group, or loads their SAEs, side by side, one forward pass of a batch feeding them all;
//! evaluates them, harvests windows of their latents where scores are wanted, and gives them to be scored; writes SAEs
//! to OUTPUT/saes/<id>/<hookpoint>/ and rows to the results file. Stages that hold already are not run again. A cell
//! that fails (NaN, out of memory) is recorded with its reason and the others go on. Throws StoppedError, SystemError:
//! the run cannot go on.
void run_unit(std::span<const UnitCell> cells, const UnitContext& context);

}  // namespace saesweep::sweep
