#pragma once

#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/event_log.h"
#include "model/compute.h"
#include "results/writer.h"
#include "sweep/cell.h"
#include "sweep/checkpointing.h"
#include "sweep/cost.h"
#include "sweep/options.h"
#include "sweep/progress.h"
#include "sweep/work_left.h"
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
  const CostModel& cost;
  Checkpointing& checkpoints;
  EventLog log;
  //! Whether the run is to stop, and then the seconds until it is killed.
  std::function<bool()> is_stopped;
  std::function<double()> seconds_left;
  //! Told where a unit's training is.
  std::function<void(int64_t step, int64_t n_steps)> at_step;
  //! What the rank computes on.
  at::Device device = at::Device(at::kCPU);
};

//! A cell of a unit, its row in the results file, and the last stage whose columns hold there.
struct UnitCell {
  const Cell* cell;
  uint64_t row;
  results::Stage stage = results::Stage::kNone;
  //! As it is counted in what the run has left.
  CellWork work = {};
};

//! Rows of a text used where `tokens` are asked for: whole rows, at least one, at most all.
int64_t rows_for(int64_t tokens, const text::TokenRows& rows);

//! Where the SAE of a cell and what was harvested of it are kept.
std::filesystem::path sae_folder(const SweepOptions& options, const Cell& cell);
std::filesystem::path harvest_path(const SweepOptions& options, const Cell& cell);

//! Trains all cells of one group, or loads their SAEs, side by side, one forward pass of a batch feeding them all;
//! evaluates them, harvests windows of their latents where scores are wanted, and gives them to be scored; writes SAEs
//! to OUTPUT/saes/<id>/<hookpoint>/ and rows to the results file. Stages that hold already are not run again, and
//! training goes on from its checkpoints. A cell that fails (NaN, a model that cannot be read) is recorded with its
//! reason and the others go on; where memory does not suffice, halves of the unit are run, down to single cells. Where
//! the run is to stop, saves what is trained, if time allows, and returns. Throws StoppedError, SystemError: the run
//! cannot go on.
void run_unit(std::span<const UnitCell> cells, const UnitContext& context);

}  // namespace saesweep::sweep
