#pragma once

#include <span>
#include <string>

#include "sweep/cell.h"
#include "sweep/options.h"

namespace saesweep::app {

//! For `saesweep plan`: a line a task with requests and tokens of all cells, the latents that are judged, and where a
//! budget is below that, a warning. "" where nothing is scored.
std::string requests_text(const sweep::SweepOptions& options, std::span<const sweep::Cell> cells);

//! A count, short: "950", "12 k", "1.5 M".
std::string count_text(double count);

}  // namespace saesweep::app
