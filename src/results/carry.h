#pragma once

#include <filesystem>
#include <span>
#include <vector>

#include "h5/file.h"
#include "results/cell_row.h"
#include "results/create.h"
#include "results/origins.h"
#include "results/schema.h"

namespace saesweep::results {

//! The vocabularies of a file whose rows are carried over.
struct CarriedVocabularies {
  //! For each vocabulary of the file the equal one of the new file; -1: none.
  std::vector<int64_t> matches;
  //! /cells/vocabulary of the file.
  std::vector<int64_t> of_rows;
};

//! What older files hold that may still hold in a new one.
struct Carried {
  //! Open from the first look on: a file that another job replaces meanwhile stays the one whose cells were read.
  std::vector<h5::File> files;
  Origins origins;
  //! A file each.
  std::vector<CarriedVocabularies> vocabularies;
};

//! Reads what carry_rows needs. Throws OutputError where one is no results file of this version.
Carried find_carried(std::span<const std::filesystem::path> older, std::span<const Vocabulary> vocabularies,
                     Stage last_stage);

//! Copies what holds of each cell, from the row that holds furthest (results/origins.h), into rows `range` of a file
//! just made: columns of valid stages (where shapes differ, what both have), stage, and state: done, failed with its
//! reason, or to come. *Local*: each rank its rows. Takes a few MB beside the cells.
void carry_rows(const Carried& carried, h5::File& file, std::span<const CellRow> rows, RowRange range);

}  // namespace saesweep::results
