#pragma once

#include <filesystem>
#include <span>
#include <vector>

#include "h5/file.h"
#include "results/cell_row.h"
#include "results/create.h"
#include "results/reader.h"
#include "results/schema.h"

namespace saesweep::results {

//! The last stage of a found cell that holds for a cell asked for: none unless the train ids are equal, trained or
//! evaluated where the ids of the stages after it differ.
Stage valid_stage(const CellStatus& found, const CellRow& asked);

//! Its state for that cell: done only where every stage holds, failed where the stage that failed would be the same
//! again.
State valid_state(const CellStatus& found, const CellRow& asked);

//! The rows of an older file that still hold in a new one.
struct Carried {
  std::filesystem::path older;
  //! The cells of the older file.
  std::vector<CellStatus> cells;
  //! For each vocabulary of the older file the equal one of the new file; -1: none.
  std::vector<int64_t> vocabularies;
  //! A row that has reached this stage is done.
  Stage last_stage = Stage::kScored;
};

//! Reads what carry_rows needs. Throws OutputError where `older` is no results file of this version.
Carried find_carried(const std::filesystem::path& older, std::span<const Vocabulary> vocabularies, Stage last_stage);

//! Copies what holds of each cell, matched by train id, into rows `range` of a file just made: columns of valid
//! stages (where shapes differ, what both have), stage, and state: done where last_stage stands, failed where the
//! stage that failed would be the same again. *Local*: each rank its rows.
void carry_rows(const Carried& carried, h5::File& file, std::span<const CellRow> rows, RowRange range);

}  // namespace saesweep::results
