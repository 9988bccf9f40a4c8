#pragma once

#include <string>

#include "toy/options.h"

namespace saesweep::app {

//! What a run of a toy sweep would do, for people: SAEs, operations of their products, the time that a run on this
//! machine's CPU takes by the rates of these (timed for a moment on one thread), and the memory that a rank needs,
//! which may be meant for a larger machine. Reads embedding matrices; writes nothing.
std::string toy_plan(const toy::ToyOptions& options);

}  // namespace saesweep::app
