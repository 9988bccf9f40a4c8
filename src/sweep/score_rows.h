#pragma once

#include <cstdint>

#include "autointerp/cell_scoring.h"
#include "autointerp/harvest_file.h"
#include "autointerp/options.h"
#include "results/writer.h"

namespace saesweep::sweep {

//! Lengths of the dimensions that scores have in the results file; 0 where nothing is scored.
void add_score_dimensions(results::Shape& shape, const autointerp::AutointerpOptions& options);

//! Writes what was harvested of a cell: counts, drawn latents, entropies, examples. The stage is left to the caller.
void write_harvest_columns(results::ResultsWriter& results, uint64_t row, const autointerp::StoredHarvest& harvest,
                           const autointerp::AutointerpOptions& options);

//! Writes what judging it brought: scores, explanations, predictions.
void write_score_columns(results::ResultsWriter& results, uint64_t row, const autointerp::CellScoring& scoring,
                         const autointerp::AutointerpOptions& options);

}  // namespace saesweep::sweep
