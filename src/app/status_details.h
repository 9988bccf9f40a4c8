#pragma once

#include <cstddef>
#include <string>

#include "app/sweep_status.h"

namespace saesweep::app {

//! What each rank is at, the judge, the last checkpoint, silent ranks, slow units and failures: parts of status_text.
std::string details_text(const SweepStatus& status);

//! "shard 2/8", "whole run", "merged".
std::string job_name(const JobStatus& job);
//! "  and 12 more jobs" on a line, where more than `shown` are there; else "".
std::string more_text(size_t n, size_t shown, const char* what);
//! A rate, short; "-" where it is not known.
std::string per_second(double rate);
//! A time, short; "unknown" where it is.
std::string seconds_text(double seconds);

}  // namespace saesweep::app
