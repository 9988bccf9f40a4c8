#pragma once

#include <cstdint>

namespace saesweep {

//! Bytes of main memory that this process may use: the machine's, or less where a control group (as Slurm sets one for
//! a job) allows less.
uint64_t machine_memory();

}  // namespace saesweep
