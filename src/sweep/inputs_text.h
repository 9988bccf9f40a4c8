#pragma once

#include <string>

#include "sweep/inputs.h"

namespace saesweep::sweep {

//! ResolvedInputs as text, for the way from the root to other ranks, which read the small config.json again.
std::string to_text(const ResolvedInputs& inputs);
ResolvedInputs inputs_from_text(const std::string& text);

}  // namespace saesweep::sweep
