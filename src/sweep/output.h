#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "results/cell_row.h"
#include "results/schema.h"
#include "sweep/cell.h"
#include "sweep/options.h"

namespace saesweep::sweep {

//! The identifying columns of a cell.
results::CellRow row_of(const Cell& cell);

//! Dimensions of the results file of these cells.
results::Shape shape_of(std::span<const Cell> cells, const SweepOptions& options);

//! Bytes that a run of these cells writes: results file, SAEs.
uint64_t output_bytes(std::span<const Cell> cells, const SweepOptions& options);

//! Moves folder aside, to folder.<UTC time>, where it exists and is not empty. Returns the new name, or "".
std::filesystem::path move_aside(const std::filesystem::path& folder);

//! Throws OutputError where there is a results file, of another sweep.
void require_sweep(const std::filesystem::path& results, const SweepOptions& options);

//! What an earlier run left: per cell its state (all "to come" where there is no results file). Throws OutputError
//! where the file is of other cells.
std::vector<results::State> states_of(const std::filesystem::path& results, std::span<const Cell> cells,
                                      const SweepOptions& options);

//! Throws OutputError where folder has less free space than `bytes`.
void check_space(const std::filesystem::path& folder, uint64_t bytes);

}  // namespace saesweep::sweep
