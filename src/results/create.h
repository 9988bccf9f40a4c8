#pragma once

#include <filesystem>
#include <span>

#include "mpi/comm.h"
#include "results/cell_row.h"
#include "results/schema.h"

namespace saesweep::results {

//! Makes a results file, as ResultsWriter::create says, and closes it. Collective.
void create_results(const std::filesystem::path& path, const mpi::Comm& comm, const Shape& shape,
                    std::span<const CellRow> rows, const RootInfo& info);

}  // namespace saesweep::results
