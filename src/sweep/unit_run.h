#pragma once

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

namespace saesweep::sweep {

//! What a rank works with, whatever the unit. Views; all must outlive the run.
struct UnitContext {
  const SweepOptions& options;
  //! The text as the tokenizer of a cell's model cuts it.
  std::function<const text::TokenizedText&(const Cell&)> text_of;
  results::ResultsWriter& results;
  std::function<void(const ProgressMessage&)> report;
  //! What the rank computes on.
  at::Device device = at::Device(at::kCPU);
};

//! A cell of a unit and its row in the results file.
struct UnitCell {
  const Cell* cell;
  uint64_t row;
};

//! Training steps between two points of a curve, and how many points the curve has.
struct CurvePoints {
  int64_t every = 1;
  int64_t n = 0;
};
CurvePoints curve_points(int64_t n_steps);

//! Rows of a text used where `tokens` are asked for: whole rows, at least one, at most all.
int64_t rows_for(int64_t tokens, const text::TokenRows& rows);

//! Trains all cells of one group, or loads their SAEs, side by side, one forward pass of a batch feeding them all;
//! evaluates them; writes SAEs to OUTPUT/saes/<id>/<hookpoint>/ and rows to the results file. A cell that fails (NaN,
//! out of memory) is recorded with its reason and the others go on. Throws StoppedError, SystemError: the run cannot go
//! on.
void run_unit(std::span<const UnitCell> cells, const UnitContext& context);

}  // namespace saesweep::sweep
