#pragma once

#include <filesystem>
#include <string>

#include "h5/file.h"
#include "results/cell_row.h"
#include "results/schema.h"

namespace saesweep::results {

//! Opens a results file for reading by this process alone. Throws OutputError where it is missing, no results file,
//! of another version, or lacks a dataset of the schema, naming what was found and expected.
h5::File open_results(const std::filesystem::path& path);

//! Lengths of the dimensions of an open results file.
Shape shape_of(const h5::File& file);

//! Root attributes. write_root is collective over the file's ranks.
void write_root(h5::File& file, const RootInfo& info);
RootInfo read_root(const h5::File& file);

}  // namespace saesweep::results
