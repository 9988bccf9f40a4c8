#pragma once

#include <string>

#include "sweep/cell.h"
#include "sweep/inputs.h"
#include "sweep/options.h"

namespace saesweep::sweep {

//! Fills the ids of a cell whose other fields are set: hex of the first 16 bytes of the SHA-256 over the canonical
//! JSON of the settings that decide a stage's result and of the id of the stage before. Settings that change no
//! result (paths, names, threads, cells per unit, the endpoint's address and limits) stay out. Of prompts their texts
//! enter. Without [autointerp] there is neither a score id nor a harvest id. [run] device must be resolved
//! (sweep/device.h).
void assign_ids(Cell& cell, const SweepOptions& options, const ResolvedInputs& inputs);

}  // namespace saesweep::sweep
