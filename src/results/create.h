#pragma once

#include <filesystem>
#include <functional>
#include <span>

#include "h5/file.h"
#include "mpi/comm.h"
#include "results/cell_row.h"
#include "results/schema.h"

namespace saesweep::results {

//! What a new file holds from the start.
struct NewFile {
  const Shape& shape;
  std::span<const CellRow> rows;
  const RootInfo& info;
  //! Those of the root are written.
  std::span<const Vocabulary> vocabularies;
  //! The whole sweep's cells, as many as the shape says; the root's are written.
  std::span<const GridEntry> grid = {};
};

//! Rows of a dataset, [first, last), that one rank writes when the file is made.
struct RowRange {
  uint64_t first;
  uint64_t last;
};

//! Makes a results file, as ResultsWriter::create says, and closes it. `finish` adds to the file, each rank in its
//! share of the cells, before it gets its name. Collective.
void create_results(const std::filesystem::path& path, const mpi::Comm& comm, const NewFile& contents,
                    const std::function<void(h5::File&, RowRange)>& finish = {});

}  // namespace saesweep::results
