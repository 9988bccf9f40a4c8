#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "mpi/comm.h"

namespace saesweep::results {

//! What a merged file holds.
struct MergeSummary {
  //! Of the whole sweep.
  int64_t n_cells = 0;
  int64_t n_done = 0;
  //! Settings of cells that are neither done nor failed, in the sweep's order.
  std::vector<std::string> missing = {};
  //! Settings of failed cells, and why.
  std::vector<std::string> failed = {};
};

//! Joins results files of one sweep (the shards of an array job, or runs divided otherwise) into one: a row for each
//! cell that any of them has, in the sweep's order, from the file where it stands furthest; a cell done twice is taken
//! once. What a file of the name `merged` holds already is one of them, its rows of cells that the sweep has no more
//! included. Inputs may be written meanwhile. Takes a few MB beside what the cells' settings take. Collective. Throws
//! OutputError, on all ranks, where a file is none, or another sweep's, naming both and the difference.
MergeSummary merge_results(const std::filesystem::path& merged, std::span<const std::filesystem::path> inputs,
                           const mpi::Comm& comm);

}  // namespace saesweep::results
