#pragma once

#include <vector>

#include "results/schema.h"

namespace saesweep::results {

//! The table behind schema(): every dataset of the file, in the order of docs/results.md.
std::vector<Dataset> all_datasets();

}  // namespace saesweep::results
