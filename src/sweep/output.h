#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "mpi/comm.h"
#include "results/cell_row.h"
#include "results/schema.h"
#include "sweep/cell.h"
#include "sweep/options.h"
#include "sweep/output_folders.h"

namespace saesweep::sweep {

//! The identifying columns of a cell.
results::CellRow row_of(const Cell& cell);

//! Dimensions of the results file of these cells.
results::Shape shape_of(std::span<const Cell> cells, const SweepOptions& options);

//! Bytes that a run of these cells writes: results file, SAEs.
uint64_t output_bytes(std::span<const Cell> cells, const SweepOptions& options);

//! Moves folder aside, to folder.<UTC time>, where it exists and is not empty. Returns the new name, or "".
std::filesystem::path move_aside(const std::filesystem::path& folder);

//! Throws OutputError where there is a results file, of another sweep, or of another kind (results::RootInfo::kind).
void require_sweep(const std::filesystem::path& results, const std::string& name, const std::string& kind);

//! The rows of a results file and how far each is.
struct RowPlan {
  //! The cells in their order, then rows of the file there that the sweep has no more: nothing finished is lost.
  std::vector<results::CellRow> rows;
  //! Of each cell: state, and the last stage that holds under its ids.
  std::vector<results::State> states;
  std::vector<results::Stage> stages;
  //! Where each cell stands: in the file that is there, or in one that is to be made of `rows`.
  std::vector<uint64_t> places;
  //! Rows of the file there that a kill left whole, but not marked done.
  std::vector<uint64_t> unmarked;
  bool has_file = false;
  //! Files whose rows make the new one: that which is there, then those of other jobs that hold rows of the cells.
  std::vector<std::filesystem::path> sources;
  //! Files of other jobs that could not be read, and why.
  std::vector<std::string> warnings;
  //! Dimensions that hold the cells and what the file there has.
  results::Shape shape;
  //! Whether the file there has all rows, under the ids they have now, and no other file has more of them; and the
  //! grid.
  bool is_current = false;
};

//! Cells as the results files of a sweep's jobs name them.
std::vector<results::GridEntry> grid_of(std::span<const Cell> cells);

//! Holds a job's cells against what earlier runs left in its results file and in those of other jobs on the output,
//! some of which may write meanwhile. A sweep that scores nothing keeps the scores that are there. `grid`: the whole
//! sweep's cells.
RowPlan plan_rows(const std::filesystem::path& results, std::span<const std::filesystem::path> others,
                  std::span<const Cell> cells, const SweepOptions& options, std::span<const results::GridEntry> grid);

//! The same for a job, by the results of all jobs on its output, alike on all ranks: other jobs may replace their files
//! while it is made, and then it is made again. Collective. Throws, alike, StoppedError where that does not end.
RowPlan plan_rows_alike(const OutputFolders& folders, std::span<const Cell> cells, const SweepOptions& options,
                        std::span<const results::GridEntry> grid, const mpi::Comm& comm);

//! The stage that ends a cell.
results::Stage last_stage(const SweepOptions& options);

//! Throws OutputError where folder has less free space than `bytes`.
void check_space(const std::filesystem::path& folder, uint64_t bytes);

}  // namespace saesweep::sweep
