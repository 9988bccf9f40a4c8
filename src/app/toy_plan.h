#pragma once

#include <string>

#include "toy/options.h"

namespace saesweep::app {

//! What a run of a toy sweep would do, for people: SAEs, operations of their products, and the time that these take
//! here (timed on one thread for a moment) and at the named rates of other devices. Reads embedding matrices; writes
//! nothing.
std::string toy_plan(const toy::ToyOptions& options);

}  // namespace saesweep::app
